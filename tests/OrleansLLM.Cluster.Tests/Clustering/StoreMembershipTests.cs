using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using OrleansLLM.Testing.Stores;

namespace OrleansLLM.Cluster.Tests.Clustering;

/// <summary>The contract over a server, with the table that a silo gets.</summary>
public abstract class StoreMembershipContract(StoreServer server) : MembershipContract, IDisposable
{
    private readonly string _secret = WriteSecret();
    private readonly List<IHost> _hosts = [];

    protected abstract OrleansLLM.Cluster.Clustering Store { get; }

    protected override async Task<IMembershipTable> OpenAsync(string clusterId)
    {
        Assert.SkipWhen(server.Missing is not null, server.Missing ?? "");
        await PrepareAsync();
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.AddClusterMember(new ClusterMemberOptions { Clustering = Store, ClusterId = clusterId, SecretFile = _secret });
        var host = builder.Build();
        lock (_hosts)
        {
            _hosts.Add(host);
        }

        var table = ((ObservedMembershipTable)host.Services.GetRequiredService<IMembershipTable>()).Table;
        await table.InitializeMembershipTableAsync(true, Cancellation);
        return table;
    }

    protected abstract Task EmptyAsync();

    [Fact]
    public async Task Where_it_was_emptied_a_living_silo_puts_its_row_back()
    {
        var silo = _hosts[0].Services.GetRequiredService<ILocalSiloDetails>();
        var observed = _hosts[0].Services.GetRequiredService<IMembershipTable>();
        var entry = Entry(1);
        entry.SiloAddress = silo.SiloAddress;
        Assert.True(await observed.InsertRowAsync(entry, (await observed.ReadAllAsync(Cancellation)).Version.Next(), Cancellation));
        var before = await observed.ReadAllAsync(Cancellation);

        await EmptyAsync();

        Assert.Equal(before.Version.Version, (await observed.ReadAllAsync(Cancellation)).Version.Version);
        var restored = await Table.ReadAllAsync(Cancellation);
        Assert.Equal(silo.SiloAddress, Assert.Single(restored.Members).Item1.SiloAddress);
        Assert.True(restored.Version.Version > before.Version.Version);
    }

    private static string WriteSecret()
    {
        var path = Path.GetTempFileName();
        File.WriteAllText(path, "0123456789abcdef");
        return path;
    }

    protected virtual Task PrepareAsync() => Task.CompletedTask;

    public void Dispose()
    {
        _hosts.ForEach(host => host.Dispose());
        File.Delete(_secret);
        GC.SuppressFinalize(this);
    }
}

public sealed class RedisMembershipTests(RedisServer server) : StoreMembershipContract(server), IClassFixture<RedisServer>
{
    protected override OrleansLLM.Cluster.Clustering Store => new OrleansLLM.Cluster.Clustering.Redis(server.Connection);

    protected override async Task EmptyAsync()
    {
        await using var redis = await StackExchange.Redis.ConnectionMultiplexer.ConnectAsync(server.Connection);
        await redis.GetDatabase().ExecuteAsync("FLUSHALL");
    }
}

public sealed class PostgresMembershipTests(PostgresServer server) : StoreMembershipContract(server), IClassFixture<PostgresServer>
{
    protected override OrleansLLM.Cluster.Clustering Store => new OrleansLLM.Cluster.Clustering.Postgres(server.Connection);

    protected override async Task EmptyAsync()
    {
        await using var source = Npgsql.NpgsqlDataSource.Create(server.Connection);
        await using var truncate = source.CreateCommand("TRUNCATE orleansllm.membership_silo, orleansllm.membership_version");
        await truncate.ExecuteNonQueryAsync(Cancellation);
    }

    protected override Task PrepareAsync() => new PostgresSchema(server.Connection).CreateAsync(Cancellation);

    [Fact]
    public async Task Many_silos_make_the_schema_at_once()
    {
        Assert.SkipWhen(server.Missing is not null, server.Missing ?? "");
        for (var round = 0; round < 3; round++)
        {
            var connection = FormattableString.Invariant($"{server.Connection};Search Path=fresh_{round}");
            await using var source = Npgsql.NpgsqlDataSource.Create(server.Connection);
            await using var create = source.CreateCommand(FormattableString.Invariant($"CREATE SCHEMA fresh_{round}"));
            await create.ExecuteNonQueryAsync(Cancellation);
            await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => new PostgresSchema(connection).CreateAsync(Cancellation), Cancellation)));
            await using var count = source.CreateCommand(FormattableString.Invariant($"SELECT count(*) FROM fresh_{round}.OrleansQuery"));
            Assert.Equal(9L, await count.ExecuteScalarAsync(Cancellation));
        }
    }

    /// <summary>A process that stands still with the lock: the server takes it away.</summary>
    [Fact]
    public async Task A_silo_that_stands_still_while_it_makes_the_schema_holds_up_others_for_seconds_only()
    {
        Assert.SkipWhen(server.Missing is not null, server.Missing ?? "");
        await using var source = Npgsql.NpgsqlDataSource.Create(server.Connection);
        await using var create = source.CreateCommand("CREATE SCHEMA held");
        await create.ExecuteNonQueryAsync(Cancellation);
        await using var session = await source.OpenConnectionAsync(Cancellation);
        await using var transaction = await session.BeginTransactionAsync(Cancellation);
        await PostgresSchema.LockAsync(session, Cancellation);

        await new PostgresSchema($"{server.Connection};Search Path=held").CreateAsync(Cancellation).WaitAsync(TimeSpan.FromSeconds(30), Cancellation);

        await Assert.ThrowsAnyAsync<Npgsql.NpgsqlException>(() => transaction.CommitAsync(Cancellation));
    }
}
