using System.Runtime.InteropServices;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OrleansLLM.Cli.Arguments;
using OrleansLLM.Cluster;

namespace OrleansLLM.Cli.Serving;

/// <summary>
/// A stop in two steps: SIGTERM, Ctrl-C or a terminal that hangs up (SIGHUP, unless it is ignored, as under nohup) ends the taking of requests (health says 503, the port stays open) and waits for those that
/// run, the shutdown time-out at most, or until a second signal other than SIGHUP, which a terminal may send twice; what still runs then is ended, which its client is told, and the host
/// stops. A worker that its cluster asks to drain stops in the same way.
/// </summary>
/// <param name="workers">Null in a gateway.</param>
internal sealed partial class DrainingLifetime(
    IHostApplicationLifetime application, IDrain drain, ServerOptions options, ILogger<DrainingLifetime> logger, LocalWorkers? workers = null)
    : IHostLifetime, IDisposable
{
    private readonly List<PosixSignalRegistration> _registrations = [];
    private readonly CancellationTokenSource _hurry = new();
    private int _signals;
    private int _drains;

    public Task WaitForStartAsync(CancellationToken cancellationToken)
    {
        PosixSignal[] hangup = Hangup.IsIgnored ? [] : [PosixSignal.SIGHUP];
        foreach (var signal in (PosixSignal[])[PosixSignal.SIGTERM, PosixSignal.SIGINT, PosixSignal.SIGQUIT, .. hangup])
        {
            _registrations.Add(PosixSignalRegistration.Create(signal, OnSignal));
        }

        _ = workers?.DrainAsked.ContinueWith(_ => Begin(), TaskScheduler.Default);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose()
    {
        _registrations.ForEach(registration => registration.Dispose());
        _hurry.Dispose();
    }

    private void OnSignal(PosixSignalContext context)
    {
        context.Cancel = true;
        if (Interlocked.Increment(ref _signals) == 1)
        {
            Begin();
        }
        else if (context.Signal != PosixSignal.SIGHUP)
        {
            _hurry.Cancel();
        }
    }

    private void Begin()
    {
        if (Interlocked.Increment(ref _drains) == 1)
        {
            _ = Task.Run(DrainAsync);
        }
    }

    private async Task DrainAsync()
    {
        LogDraining(options.ShutdownTimeout.TotalSeconds);
        drain.Begin();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(_hurry.Token);
        limit.CancelAfter(options.ShutdownTimeout);
        try
        {
            await drain.WhenDoneAsync(limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            LogOverdue();
            await drain.EndRunningAsync().ConfigureAwait(false);
        }
        finally
        {
            application.StopApplication();
        }
    }

    [LoggerMessage(LogLevel.Information, "Stopping: no new requests; those that run have {Seconds} s to finish. A second signal ends them at once.")]
    private partial void LogDraining(double seconds);

    [LoggerMessage(LogLevel.Warning, "Some requests did not finish in time and are ended.")]
    private partial void LogOverdue();
}
