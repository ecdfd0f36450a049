using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Xunit;

namespace OrleansLLM.Testing.Stores;

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

    /// <summary>What a client says first, and how the answer of a server begins that is ready.</summary>
    protected abstract (byte[] Hello, byte[] Ready) Greeting { get; }

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
                if (await IsReadyAsync())
                {
                    return;
                }
            }
            catch (Exception error) when (error is SocketException or IOException)
            {
                // Not yet.
            }

            Assert.True(limit.Elapsed < Patience && !_process!.HasExited, $"The server did not begin:\n{Log()}");
            await Task.Delay(50);
        }
    }

    private async Task<bool> IsReadyAsync()
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, Port);
        var stream = client.GetStream();
        await stream.WriteAsync(Greeting.Hello);
        var answer = new byte[Greeting.Ready.Length];
        await stream.ReadExactlyAsync(answer);
        return answer.AsSpan().SequenceEqual(Greeting.Ready);
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
