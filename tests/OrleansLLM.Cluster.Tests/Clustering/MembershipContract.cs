using System.Net;

namespace OrleansLLM.Cluster.Tests.Clustering;

/// <summary>What Orleans asks of a membership table, for each store; every test has a cluster of its own.</summary>
public abstract class MembershipContract : IAsyncLifetime
{
    protected static readonly DateTime Noon = new(2026, 11, 30, 12, 0, 0, DateTimeKind.Utc);

    private static int _clusters;

    protected string ClusterId { get; } = $"cluster-{Environment.ProcessId}-{Interlocked.Increment(ref _clusters)}";

    protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    protected IMembershipTable Table { get; private set; } = null!;

    /// <summary>Another silo's access to the same table, initialized.</summary>
    protected abstract Task<IMembershipTable> OpenAsync(string clusterId);

    public async ValueTask InitializeAsync()
    {
        Table = await OpenAsync(ClusterId);
    }

    public virtual async ValueTask DisposeAsync()
    {
        if (Table is not null)
        {
            await Table.DeleteMembershipTableEntriesAsync(ClusterId, Cancellation);
        }

        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task A_new_table_is_empty_and_has_a_version()
    {
        var data = await Table.ReadAllAsync(Cancellation);
        Assert.Empty(data.Members);
        Assert.Equal(0, data.Version.Version);
        Assert.Empty((await Table.ReadRowAsync(Silo(1), Cancellation)).Members);
    }

    [Fact]
    public async Task A_row_comes_back_as_it_was_written_and_raises_the_version()
    {
        var entry = Entry(1);
        Assert.True(await Table.InsertRowAsync(entry, (await Table.ReadAllAsync(Cancellation)).Version.Next(), Cancellation));
        var data = await Table.ReadAllAsync(Cancellation);
        Assert.Equal(1, data.Version.Version);
        Assert.Equal(ModelTable.Describe(entry, entry.IAmAliveTime), ModelTable.Describe(Assert.Single(data.Members).Item1, data.Members[0].Item1.IAmAliveTime));
        Assert.Equal(ModelTable.Describe(data), ModelTable.Describe(await Table.ReadRowAsync(entry.SiloAddress, Cancellation)));
    }

    [Fact]
    public async Task A_silo_is_inserted_once_and_one_that_is_not_there_is_not_updated()
    {
        await InsertAsync(Entry(1));
        var version = (await Table.ReadAllAsync(Cancellation)).Version.Next();
        Assert.False(await Table.InsertRowAsync(Entry(1), version, Cancellation));
        Assert.False(await Table.UpdateRowAsync(Entry(2), (await Table.ReadRowAsync(Silo(1), Cancellation)).Members[0].Item2, version, Cancellation));
        Assert.Equal(1, (await Table.ReadAllAsync(Cancellation)).Version.Version);
    }

    [Fact]
    public async Task Who_has_read_an_older_version_writes_nothing()
    {
        await InsertAsync(Entry(1));
        var old = await Table.ReadAllAsync(Cancellation);
        await InsertAsync(Entry(2));
        Assert.False(await Table.InsertRowAsync(Entry(3), old.Version.Next(), Cancellation));
        Assert.False(await Table.UpdateRowAsync(Entry(1, SiloStatus.Dead), old.Members[0].Item2, old.Version.Next(), Cancellation));
        Assert.Equal(2, (await Table.ReadAllAsync(Cancellation)).Version.Version);
        Assert.Equal(SiloStatus.Active, (await Table.ReadRowAsync(Silo(1), Cancellation)).Members[0].Item1.Status);
    }

    [Fact]
    public async Task An_update_changes_status_and_votes()
    {
        await InsertAsync(Entry(1));
        var data = await Table.ReadAllAsync(Cancellation);
        var dead = Entry(1, SiloStatus.Dead);
        dead.SuspectTimes = [Tuple.Create(Silo(2), Noon.AddSeconds(1)), Tuple.Create(Silo(3), Noon.AddSeconds(2))];
        Assert.True(await Table.UpdateRowAsync(dead, data.Members[0].Item2, data.Version.Next(), Cancellation));
        var read = Assert.Single((await Table.ReadAllAsync(Cancellation)).Members).Item1;
        Assert.Equal(ModelTable.Describe(dead, dead.IAmAliveTime), ModelTable.Describe(read, read.IAmAliveTime));
    }

    [Fact]
    public async Task A_silo_that_says_it_is_alive_changes_its_time_and_nothing_else()
    {
        await InsertAsync(Entry(1));
        await InsertAsync(Entry(2));
        var before = await Table.ReadAllAsync(Cancellation);
        await Table.UpdateIAmAliveAsync(new MembershipEntry { SiloAddress = Silo(1), IAmAliveTime = Noon.AddMinutes(7) }, Cancellation);
        var after = await Table.ReadAllAsync(Cancellation);
        Assert.Equal(before.Version.Version, after.Version.Version);
        Assert.Equal(Noon.AddMinutes(7), after.TryGet(Silo(1))!.Item1.IAmAliveTime);
        Assert.Equal(Noon, after.TryGet(Silo(2))!.Item1.IAmAliveTime);
        Assert.True(await Table.UpdateRowAsync(Entry(2, SiloStatus.ShuttingDown), before.TryGet(Silo(2))!.Item2, before.Version.Next(), Cancellation));
    }

    [Fact]
    public async Task What_was_read_or_written_is_a_copy()
    {
        var entry = Entry(1);
        await InsertAsync(entry);
        entry.Status = SiloStatus.Dead;
        var read = (await Table.ReadAllAsync(Cancellation)).Members[0].Item1;
        read.Status = SiloStatus.Stopping;
        read.SuspectTimes?.Add(Tuple.Create(Silo(9), Noon));
        var again = (await Table.ReadAllAsync(Cancellation)).Members[0].Item1;
        Assert.Equal(SiloStatus.Active, again.Status);
        Assert.Empty(again.SuspectTimes ?? []);
    }

    [Fact]
    public async Task Old_dead_silos_are_cleaned_up_and_others_stay()
    {
        await InsertAsync(Entry(1));
        await InsertAsync(Entry(2, SiloStatus.Dead));
        var young = Entry(3, SiloStatus.Dead);
        young.IAmAliveTime = young.StartTime = Noon.AddHours(2);
        await InsertAsync(young);
        await Table.CleanupDefunctSiloEntriesAsync(Noon.AddHours(1), Cancellation);
        Assert.Equal([Silo(1), Silo(3)], (await Table.ReadAllAsync(Cancellation)).Members.Select(row => row.Item1.SiloAddress).Order());
        await InsertAsync(Entry(4));
    }

    [Fact]
    public async Task Clusters_do_not_meet()
    {
        var other = await OpenAsync($"{ClusterId}-other");
        await InsertAsync(Entry(1));
        Assert.Empty((await other.ReadAllAsync(Cancellation)).Members);
        await other.DeleteMembershipTableEntriesAsync($"{ClusterId}-other", Cancellation);
        Assert.Single((await Table.ReadAllAsync(Cancellation)).Members);
    }

    [Fact]
    public async Task Of_many_writers_at_once_each_write_is_there_exactly_once()
    {
        const int Writers = 6;
        const int Writes = 15;
        await Task.WhenAll(Enumerable.Range(1, Writers).Select(writer => Task.Run(async () =>
        {
            var table = await OpenAsync(ClusterId);
            var entry = Entry(writer);
            for (var write = 0; write < Writes;)
            {
                var data = await table.ReadAllAsync(Cancellation);
                entry.ProxyPort = write;
                entry.Status = write % 2 == 0 ? SiloStatus.Joining : SiloStatus.Active;
                var isWritten = data.TryGet(entry.SiloAddress) is { } row
                    ? await table.UpdateRowAsync(entry, row.Item2, data.Version.Next(), Cancellation)
                    : await table.InsertRowAsync(entry, data.Version.Next(), Cancellation);
                write += isWritten ? 1 : 0;
            }
        }, Cancellation)));
        var all = await Table.ReadAllAsync(Cancellation);
        Assert.Equal(Writers * Writes, all.Version.Version);
        Assert.Equal(Writers, all.Members.Count);
        Assert.All(all.Members, row => Assert.Equal(SiloStatus.Joining, row.Item1.Status));
    }

    protected static SiloAddress Silo(int number) => SiloAddress.New(IPAddress.Loopback, 11000 + number, 1000 + number);

    protected static MembershipEntry Entry(int number, SiloStatus status = SiloStatus.Active) => new()
    {
        SiloAddress = Silo(number),
        SiloName = FormattableString.Invariant($"silo {number}"),
        HostName = "höst",
        Status = status,
        ProxyPort = 0,
        StartTime = Noon.AddMinutes(-1),
        IAmAliveTime = Noon,
        SuspectTimes = [],
    };

    protected async Task InsertAsync(MembershipEntry entry) =>
        Assert.True(await Table.InsertRowAsync(entry, (await Table.ReadAllAsync(Cancellation)).Version.Next(), Cancellation));
}
