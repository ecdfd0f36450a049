using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace OrleansLLM.Cli.Chaos;

internal enum SiloRole
{
    Gateway,
    Worker,
    All,
}

/// <summary>One process of the cluster, under one name and port in all its lives.</summary>
internal sealed partial class ChaosSilo(string name, SiloRole role, IReadOnlyList<string> arguments, string? connection, Timeline timeline) : IAsyncDisposable
{
    private const string ConnectionVariable = "ORLEANSLLM_CLUSTERING_CONNECTION";
    private const string SampledTokens = "orleansllm_sampled_tokens_total{";
    private const string RecomputedTokens = "orleansllm_recomputed_tokens_total{";

    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(90);

    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(2) };
    private Process? _process;
    private Task _reading = Task.CompletedTask;

    public string Name => name;

    public SiloRole Role => role;

    public Uri Address { get; } = FreeAddress();

    /// <summary>What the engines of this life had drawn and computed again when they were last asked.</summary>
    public TokenCounts Counts { get; private set; }

    public void Start()
    {
        Counts = default;
        var program = Environment.ProcessPath!;
        var isHost = Path.GetFileNameWithoutExtension(program) == "dotnet";
        var start = new ProcessStartInfo(program, [
            .. isHost ? [Environment.GetCommandLineArgs()[0]] : Array.Empty<string>(), "serve", .. arguments,
            "--port", Address.Port.ToString(CultureInfo.InvariantCulture)])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        if (connection is not null)
        {
            start.Environment[ConnectionVariable] = connection;
        }

        timeline.Write(name, "starts");
        _process = Process.Start(start)!;
        _reading = Task.WhenAll(ReadAsync(_process.StandardOutput), ReadAsync(_process.StandardError));
    }

    /// <exception cref="ChaosException">It ended, or takes too long.</exception>
    public async Task WaitUntilReadyAsync(CancellationToken cancellation)
    {
        var began = Stopwatch.GetTimestamp();
        while (!await IsReadyAsync(cancellation).ConfigureAwait(false))
        {
            if (_process!.HasExited || Stopwatch.GetElapsedTime(began) > StartTimeout)
            {
                throw new ChaosException($"{name} {(_process.HasExited ? FormattableString.Invariant($"ended with {_process.ExitCode}") : "is not ready")} after its start: {timeline.Path} says more.");
            }

            await Task.Delay(20, cancellation).ConfigureAwait(false);
        }

        timeline.Write(name, "is ready");
    }

    public void Send(Signal signal)
    {
        timeline.Write(name, $"gets {signal}");
        _ = Kill(_process!.Id, Number(signal));
    }

    /// <summary>Its exit code, or null where it still runs then.</summary>
    public async Task<int?> WaitForExitAsync(TimeSpan limit, CancellationToken cancellation)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(limit);
        try
        {
            await _process!.WaitForExitAsync(patience.Token).ConfigureAwait(false);
            timeline.Write(name, FormattableString.Invariant($"ended with {_process.ExitCode}"));
            return _process.ExitCode;
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return null;
        }
    }

    /// <summary>Asks for <see cref="Counts"/>; the last ones stay where it does not answer.</summary>
    public async Task CountAsync(CancellationToken cancellation)
    {
        if (await TryGetAsync("metrics", cancellation).ConfigureAwait(false) is { } text)
        {
            Counts = new TokenCounts(Sum(text, SampledTokens), Sum(text, RecomputedTokens));
        }
    }

    /// <summary>Null where it does not answer, or not with 200.</summary>
    public async Task<string?> TryGetAsync(string path, CancellationToken cancellation)
    {
        try
        {
            using var response = await _http.GetAsync(new Uri(Address, path), cancellation).ConfigureAwait(false);
            return response.StatusCode == HttpStatusCode.OK ? await response.Content.ReadAsStringAsync(cancellation).ConfigureAwait(false) : null;
        }
        catch (Exception error) when (error is HttpRequestException or OperationCanceledException && !cancellation.IsCancellationRequested)
        {
            return null;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            _process.Kill();
            await _process.WaitForExitAsync().ConfigureAwait(false);
            await _reading.ConfigureAwait(false);
            _process.Dispose();
        }

        _http.Dispose();
    }

    /// <summary>Those of macOS that differ.</summary>
    private static int Number(Signal signal) => (signal, OperatingSystem.IsMacOS()) switch
    {
        (Signal.Stop, true) => 17,
        (Signal.Continue, true) => 19,
        _ => (int)signal,
    };

    private async Task<bool> IsReadyAsync(CancellationToken cancellation) => await TryGetAsync("health/ready", cancellation).ConfigureAwait(false) is not null;

    private static long Sum(string metrics, string series) => (long)metrics.Split('\n')
        .Where(line => line.StartsWith(series, StringComparison.Ordinal))
        .Sum(line => double.Parse(line.Split('}')[1].Split(' ', StringSplitOptions.RemoveEmptyEntries)[0], CultureInfo.InvariantCulture));

    private async Task ReadAsync(StreamReader output)
    {
        while (await output.ReadLineAsync().ConfigureAwait(false) is { } line)
        {
            timeline.Write(name, line);
        }
    }

    private static Uri FreeAddress()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return new UriBuilder("http", "127.0.0.1", ((IPEndPoint)listener.LocalEndpoint).Port).Uri;
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}

/// <param name="Sampled">Tokens that were drawn.</param>
/// <param name="Recomputed">Tokens of prompts and journals that were computed for sequences which another worker had begun.</param>
internal readonly record struct TokenCounts(long Sampled, long Recomputed)
{
    public static TokenCounts operator +(TokenCounts one, TokenCounts other) => new(one.Sampled + other.Sampled, one.Recomputed + other.Recomputed);
}

/// <summary>A chaos run can't begin or go on; the message says why.</summary>
internal sealed class ChaosException(string message) : Exception(message);
