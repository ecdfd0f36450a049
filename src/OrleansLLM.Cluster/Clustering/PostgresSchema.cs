using Npgsql;

namespace OrleansLLM.Cluster;

/// <summary>
/// The tables and queries that Orleans' clustering runs in PostgreSQL, in a schema of their own (<see cref="Name"/>, unless the connection names a
/// search path). Whoever starts makes what is missing, several silos at once: in one transaction, behind a lock that the server takes from a
/// session that stands still.
/// </summary>
internal sealed class PostgresSchema(string connection) : ILifecycleParticipant<ISiloLifecycle>
{
    public const string Name = "orleansllm";

    /// <summary>The lock's number, drawn once.</summary>
    private const long Lock = 0x6f726c65616e73;

    private const string Silo = "cluster = @DeploymentId AND address = @Address AND port = @Port AND generation = @Generation";

    private const string Columns =
        """
        version.cluster AS DeploymentId, silo.address AS Address, silo.port AS Port, silo.generation AS Generation, silo.name AS SiloName,
        silo.host AS HostName, silo.status AS Status, silo.gateway_port AS ProxyPort, silo.suspicions AS SuspectTimes,
        silo.started AS StartTime, silo.alive AS IAmAliveTime, version.number AS Version
        """;

    private const string Tables =
        """
        CREATE TABLE IF NOT EXISTS membership_version (
            cluster varchar(150) PRIMARY KEY,
            number integer NOT NULL);
        CREATE TABLE IF NOT EXISTS membership_silo (
            cluster varchar(150) NOT NULL,
            address varchar(45) NOT NULL,
            port integer NOT NULL,
            generation integer NOT NULL,
            name varchar(150) NOT NULL,
            host varchar(150) NOT NULL,
            status integer NOT NULL,
            gateway_port integer NOT NULL,
            suspicions varchar(8000),
            started timestamptz(3) NOT NULL,
            alive timestamptz(3) NOT NULL,
            PRIMARY KEY (cluster, address, port, generation));
        CREATE TABLE IF NOT EXISTS OrleansQuery (
            QueryKey varchar(64) PRIMARY KEY,
            QueryText varchar(8000) NOT NULL);
        """;

    /// <summary>
    /// What Orleans asks for by these names. A write raises the version in the statement that writes the row, and only from the version that the
    /// writer has read: of two that read the same one, the second waits for the first's row lock and then finds another number.
    /// </summary>
    private static readonly (string Key, string Text)[] Queries =
    [
        ("InsertMembershipVersionKey",
            """
            WITH made AS (
                INSERT INTO membership_version (cluster, number) VALUES (@DeploymentId, 0) ON CONFLICT DO NOTHING RETURNING 1)
            SELECT count(*) FROM made
            """),
        ("InsertMembershipKey",
            $"""
            WITH raised AS (
                UPDATE membership_version SET number = number + 1
                WHERE cluster = @DeploymentId AND number = @Version AND NOT EXISTS (SELECT FROM membership_silo WHERE {Silo})
                RETURNING cluster),
            made AS (
                INSERT INTO membership_silo (cluster, address, port, generation, name, host, status, gateway_port, started, alive)
                SELECT cluster, @Address, @Port, @Generation, @SiloName, @HostName, @Status, @ProxyPort, @StartTime, @IAmAliveTime FROM raised
                RETURNING 1)
            SELECT count(*) FROM made
            """),
        ("UpdateMembershipKey",
            $"""
            WITH raised AS (
                UPDATE membership_version SET number = number + 1
                WHERE cluster = @DeploymentId AND number = @Version AND EXISTS (SELECT FROM membership_silo WHERE {Silo})
                RETURNING 1),
            changed AS (
                UPDATE membership_silo SET status = @Status, suspicions = @SuspectTimes, alive = @IAmAliveTime
                WHERE {Silo} AND EXISTS (SELECT FROM raised)
                RETURNING 1)
            SELECT count(*) FROM changed
            """),
        ("UpdateIAmAlivetimeKey", $"UPDATE membership_silo SET alive = @IAmAliveTime WHERE {Silo}"),
        ("MembershipReadRowKey",
            $"""
            SELECT {Columns} FROM membership_version AS version
            LEFT JOIN membership_silo AS silo
                ON silo.cluster = version.cluster AND silo.address = @Address AND silo.port = @Port AND silo.generation = @Generation
            WHERE version.cluster = @DeploymentId
            """),
        ("MembershipReadAllKey",
            $"""
            SELECT {Columns} FROM membership_version AS version
            LEFT JOIN membership_silo AS silo ON silo.cluster = version.cluster
            WHERE version.cluster = @DeploymentId
            """),
        ("GatewaysQueryKey",
            """
            SELECT address AS Address, gateway_port AS ProxyPort, generation AS Generation FROM membership_silo
            WHERE cluster = @DeploymentId AND status = @Status AND gateway_port > 0
            """),
        ("CleanupDefunctSiloEntriesKey",
            "DELETE FROM membership_silo WHERE cluster = @DeploymentId AND greatest(alive, started) < @IAmAliveTime AND status = 6"),
        ("DeleteMembershipTableEntriesKey",
            """
            DELETE FROM membership_silo WHERE cluster = @DeploymentId;
            DELETE FROM membership_version WHERE cluster = @DeploymentId
            """),
    ];

    /// <summary>The connection with this schema in its search path.</summary>
    /// <exception cref="ArgumentException">It is none.</exception>
    public static string InSchema(string connection)
    {
        var builder = new NpgsqlConnectionStringBuilder(connection);
        builder.SearchPath ??= Name;
        return builder.ConnectionString;
    }

    public void Participate(ISiloLifecycle lifecycle) =>
        lifecycle.Subscribe(nameof(PostgresSchema), ServiceLifecycleStage.RuntimeInitialize, CreateAsync);

    internal async Task CreateAsync(CancellationToken cancellation)
    {
        var source = NpgsqlDataSource.Create(InSchema(connection));
        await using (source.ConfigureAwait(false))
        {
            var session = await source.OpenConnectionAsync(cancellation).ConfigureAwait(false);
            await using (session.ConfigureAwait(false))
            {
                if (!await IsThereAsync(session, cancellation).ConfigureAwait(false))
                {
                    await CreateAsync(session, cancellation).ConfigureAwait(false);
                }
            }
        }
    }

    /// <summary>Every later start finds it and takes no lock.</summary>
    private static async Task<bool> IsThereAsync(NpgsqlConnection session, CancellationToken cancellation)
    {
        var look = new NpgsqlCommand("SELECT to_regclass('OrleansQuery') IS NOT NULL", session);
        await using (look.ConfigureAwait(false))
        {
            if (await look.ExecuteScalarAsync(cancellation).ConfigureAwait(false) is not true)
            {
                return false;
            }
        }

        var read = new NpgsqlCommand("SELECT QueryKey, QueryText FROM OrleansQuery", session);
        await using (read.ConfigureAwait(false))
        {
            var known = new HashSet<(string, string)>();
            var rows = await read.ExecuteReaderAsync(cancellation).ConfigureAwait(false);
            await using (rows.ConfigureAwait(false))
            {
                while (await rows.ReadAsync(cancellation).ConfigureAwait(false))
                {
                    known.Add((rows.GetString(0), rows.GetString(1)));
                }
            }

            return Queries.All(known.Contains);
        }
    }

    private static async Task CreateAsync(NpgsqlConnection session, CancellationToken cancellation)
    {
        var transaction = await session.BeginTransactionAsync(cancellation).ConfigureAwait(false);
        await using (transaction.ConfigureAwait(false))
        {
            await LockAsync(session, cancellation).ConfigureAwait(false);
            var schema = new NpgsqlConnectionStringBuilder(session.ConnectionString).SearchPath == Name ? $"CREATE SCHEMA IF NOT EXISTS {Name};" : "";
            await RunAsync(session, schema + Tables, [], cancellation).ConfigureAwait(false);
            foreach (var (key, text) in Queries)
            {
                await RunAsync(
                    session, "INSERT INTO OrleansQuery (QueryKey, QueryText) VALUES ($1, $2) ON CONFLICT (QueryKey) DO UPDATE SET QueryText = EXCLUDED.QueryText",
                    [key, text], cancellation).ConfigureAwait(false);
            }

            await transaction.CommitAsync(cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Waits for others that make it, until the transaction's end; the server ends one whose process stands still.</summary>
    internal static async Task LockAsync(NpgsqlConnection session, CancellationToken cancellation)
    {
        await RunAsync(session, "SET LOCAL idle_in_transaction_session_timeout = '5s'", [], cancellation).ConfigureAwait(false);
        await RunAsync(session, "SELECT pg_advisory_xact_lock($1)", [Lock], cancellation).ConfigureAwait(false);
    }

    private static async Task RunAsync(NpgsqlConnection session, string sql, object[] parameters, CancellationToken cancellation)
    {
        var command = new NpgsqlCommand(sql, session);
        await using (command.ConfigureAwait(false))
        {
            foreach (var parameter in parameters)
            {
                command.Parameters.Add(new NpgsqlParameter { Value = parameter });
            }

            await command.ExecuteNonQueryAsync(cancellation).ConfigureAwait(false);
        }
    }
}
