using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace OrleansLLM.Cluster.Tests.Clustering;

/// <summary>A server of this machine's packages, started for these tests on a free port, its data in a folder that goes with it.</summary>
public abstract class StoreServer : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly List<string> _log = [];
    private Process? _process;

    /// <summary>Why there is none, as a sentence for the skipped tests; null where it runs.</summary>
    public string? Missing { get; private set; }

    protected string Folder { get; } = Directory.CreateTempSubdirectory("store-").FullName;

    protected int Port { get; private set; }

    public async ValueTask InitializeAsync()
    {
        Port = FreePort();
        Missing = WhyMissing();
        if (Missing is null)
        {
            _process = Start(Command());
            await UntilItAnswersAsync();
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
            _process.Dispose();
        }

        Directory.Delete(Folder, recursive: true);
        GC.SuppressFinalize(this);
    }

    protected abstract string? WhyMissing();

    protected abstract string[] Command();

    protected abstract Task AskAsync();

    /// <summary>The file of a program in the PATH or in further folders.</summary>
    protected static string? Find(string program, params IEnumerable<string> folders) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Concat(folders)
            .Where(folder => folder.Length > 0).Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);

    protected void Run(params string[] command)
    {
        using var process = Start(command);
        Assert.True(process.WaitForExit(Patience), $"{command[0]} did not end.");
        Assert.True(process.ExitCode == 0, $"{string.Join(' ', command)} failed:\n{Log()}");
    }

    private Process Start(string[] command)
    {
        var process = Process.Start(new ProcessStartInfo(command[0], command[1..]) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = Folder })!;
        process.OutputDataReceived += (_, line) => Note(line.Data);
        process.ErrorDataReceived += (_, line) => Note(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }

    private void Note(string? line)
    {
        lock (_log)
        {
            _log.Add(line ?? "");
        }
    }

    private string Log()
    {
        lock (_log)
        {
            return string.Join('\n', _log);
        }
    }

    private async Task UntilItAnswersAsync()
    {
        var limit = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                await AskAsync();
                return;
            }
            catch (Exception error) when (limit.Elapsed < Patience && !_process!.HasExited && error is not NullReferenceException)
            {
                await Task.Delay(50);
            }
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>For a connection string.</summary>
    protected string PortText => Port.ToString(CultureInfo.InvariantCulture);
}

public sealed class RedisServer : StoreServer
{
    public string Connection => $"127.0.0.1:{PortText}";

    protected override string? WhyMissing() => Find("redis-server") is null ? "redis-server is not installed (Debian: apt-get install redis-server)." : null;

    protected override string[] Command() =>
        [Find("redis-server")!, "--bind", "127.0.0.1", "--port", PortText, "--save", "", "--appendonly", "no", "--dir", Folder];

    protected override async Task AskAsync()
    {
        await using var redis = await StackExchange.Redis.ConnectionMultiplexer.ConnectAsync(Connection);
        await redis.GetDatabase().PingAsync();
    }
}

public sealed class PostgresServer : StoreServer
{
    private static readonly string[] Folders =
        Directory.Exists("/usr/lib/postgresql") ? [.. Directory.GetDirectories("/usr/lib/postgresql").Select(version => Path.Combine(version, "bin"))] : [];

    /// <summary>It refuses to run as root.</summary>
    private static string[] AsItself => Environment.UserName == "root" ? [Find("setpriv")!, "--reuid=postgres", "--regid=postgres", "--init-groups"] : [];

    public string Connection => $"Host=127.0.0.1;Port={PortText};Username=postgres;Database=postgres;Pooling=true";

    private string Data => Path.Combine(Folder, "data");

    protected override string? WhyMissing() =>
        Find("initdb", Folders) is null || Find("postgres", Folders) is null ? "PostgreSQL's server is not installed (Debian: apt-get install postgresql)."
        : Environment.UserName == "root" && (Find("setpriv") is null || !File.ReadLines("/etc/passwd").Any(line => line.StartsWith("postgres:", StringComparison.Ordinal)))
            ? "PostgreSQL's server does not run as root, and this machine has no user postgres or no setpriv."
            : null;

    protected override string[] Command()
    {
        if (AsItself.Length > 0)
        {
            Run("chown", "postgres", Folder);
        }

        Run([.. AsItself, Find("initdb", Folders)!, "-D", Data, "-A", "trust", "-U", "postgres", "-N"]);
        return
        [
            .. AsItself, Find("postgres", Folders)!, "-D", Data, "-p", PortText, "-c", "listen_addresses=127.0.0.1", "-c", $"unix_socket_directories={Folder}",
            "-c", "fsync=off",
        ];
    }

    protected override async Task AskAsync()
    {
        await using var source = Npgsql.NpgsqlDataSource.Create(Connection);
        await using var command = source.CreateCommand("SELECT 1");
        await command.ExecuteScalarAsync();
    }
}
