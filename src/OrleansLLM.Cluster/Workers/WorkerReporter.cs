using System.Collections.Concurrent;

namespace OrleansLLM.Cluster;

/// <summary>
/// Tells every gateway of the cluster how this silo's workers are: while they compute every <see cref="Busy"/> and whenever something is admitted, once
/// a second while they rest, at once to a gateway that is new. A gateway that does not answer delays nobody but itself. A cluster of one is told
/// nothing: its only gateway looks.
/// </summary>
internal sealed class WorkerReporter(ConcurrentDictionary<string, LocalWorker> workers, SiloContext silo, ClusterView cluster) : IDisposable
{
    private static readonly TimeSpan Busy = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan Idle = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<GatewayMessage, Task> _underWay = [];
    private readonly CancellationTokenSource _ending = new();
    private readonly SemaphoreSlim _hurry = new(0, 1);
    private HashSet<GatewayMessage> _known = [];
    private Task _running = Task.CompletedTask;

    public void Start() => _running = silo.IsAlone ? Task.CompletedTask : Task.Run(RunAsync);

    public async Task StopAsync()
    {
        await _ending.CancelAsync().ConfigureAwait(false);
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public void Dispose()
    {
        _ending.Dispose();
        _hurry.Dispose();
    }

    /// <summary>Reports soon, without waiting for the period.</summary>
    public void Hurry()
    {
        if (_hurry.CurrentCount == 0)
        {
            try
            {
                _hurry.Release();
            }
            catch (SemaphoreFullException)
            {
                // Somebody else was quicker.
            }
        }
    }

    /// <summary>Reports to every gateway; completes when those that can be reached have heard.</summary>
    public Task ReportAsync() => silo.IsAlone ? Task.CompletedTask : Task.WhenAll(cluster.Gateways.Select(ReportAsync));

    private async Task RunAsync()
    {
        var last = silo.Time.GetTimestamp();
        while (!_ending.IsCancellationRequested)
        {
            var hurries = await _hurry.WaitAsync(Busy, _ending.Token).ConfigureAwait(false);
            var all = cluster.Gateways;
            var isNew = !_known.SetEquals(all);
            var isBusy = workers.Values.Any(worker => worker.Engine.Load is not { Running: 0, Waiting: 0, Preempted: 0 });
            if (hurries || isNew || isBusy || silo.Time.GetElapsedTime(last) >= Idle)
            {
                (last, _known) = (silo.Time.GetTimestamp(), [.. all]);
                foreach (var gateway in all.Where(gateway => !_underWay.TryGetValue(gateway, out var call) || call.IsCompleted))
                {
                    _underWay[gateway] = ReportAsync(gateway);
                }
            }
        }
    }

    private async Task ReportAsync(GatewayMessage gateway)
    {
        var sink = silo.Grains.GetGrain<IGatewaySinkGrain>(gateway.Name);
        foreach (var worker in workers.Values)
        {
            // A report that is lost is followed by the next.
            if (!await GrainCalls.TryAsync(() => sink.OnReport(worker.ReportTo(gateway))).ConfigureAwait(false))
            {
                return;
            }
        }
    }
}
