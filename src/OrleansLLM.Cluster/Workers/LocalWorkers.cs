using System.Collections.Concurrent;
using OrleansLLM.Sequences;

namespace OrleansLLM.Cluster;

/// <summary>
/// The engines of this silo. A silo may be up long before its engine: requests for a model are refused as unavailable until an engine
/// for it is attached. May be called from any thread.
/// </summary>
public sealed class LocalWorkers : ILifecycleParticipant<ISiloLifecycle>, IDisposable
{
    private readonly ConcurrentDictionary<string, LocalWorker> _workers = [];
    private readonly ConcurrentDictionary<int, int> _attached = [];
    private readonly TaskCompletionSource _active = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _drainAsked = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly SiloContext _silo;
    private readonly WorkerReporter _reporter;

    internal LocalWorkers(SiloContext silo, ClusterView cluster)
    {
        _silo = silo;
        _reporter = new WorkerReporter(_workers, silo, cluster);
    }

    /// <summary>
    /// Makes an engine a worker of the cluster, as soon as the silo is active; every gateway that could be reached knows it when this completes.
    /// </summary>
    /// <param name="device">The device's number in this silo; each holds one engine.</param>
    public async Task<WorkerId> AttachAsync(int device, IEngine engine, CancellationToken cancellation)
    {
        await _active.Task.WaitAsync(cancellation).ConfigureAwait(false);
        var id = new WorkerId(_silo.Name, device);
        var incarnation = Incarnation.Of(_silo.Address, device, _attached.AddOrUpdate(device, 0, (_, before) => before + 1));
        if (!_workers.TryAdd(id.ToString(), new LocalWorker(id, incarnation, engine, _silo)))
        {
            throw new InvalidOperationException($"Worker {id} has an engine already: give each engine of a silo a device number of its own.");
        }

        await _reporter.ReportAsync().ConfigureAwait(false);
        return id;
    }

    /// <summary>Completes when the cluster asks for an engine of this silo to be drained: its process is to end then as by a signal.</summary>
    public Task DrainAsked => _drainAsked.Task;

    /// <summary>Takes no more requests and completes when all that run have ended or moved.</summary>
    public Task DrainAsync(CancellationToken cancellation) => Task.WhenAll(_workers.Values.Select(worker => DrainAsync(worker.Id, cancellation)));

    /// <summary>The same for one engine; nothing happens where it is not here.</summary>
    public async Task DrainAsync(WorkerId id, CancellationToken cancellation)
    {
        if (_workers.TryGetValue(id.ToString(), out var worker))
        {
            worker.Phase = WorkerPhase.Draining;
            await _reporter.ReportAsync().ConfigureAwait(false);
            await worker.Engine.DrainAsync(cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Takes an engine out of the cluster; what still runs on it fails, so drain it first.</summary>
    public async Task DetachAsync(WorkerId id)
    {
        if (_workers.TryGetValue(id.ToString(), out var worker))
        {
            worker.Phase = WorkerPhase.Draining;
            await _reporter.ReportAsync().ConfigureAwait(false);
            _workers.TryRemove(id.ToString(), out _);
        }
    }

    public void Participate(ISiloLifecycle lifecycle) => lifecycle.Subscribe(
        nameof(LocalWorkers),
        ServiceLifecycleStage.Active,
        _ =>
        {
            _active.TrySetResult();
            _reporter.Start();
            return Task.CompletedTask;
        },
        _ => _reporter.StopAsync());

    public void Dispose() => _reporter.Dispose();

    /// <summary>From now on an engine takes no requests; its last word, or null where it is not here.</summary>
    internal WorkerReport? AskToDrain(string key)
    {
        if (Find(key) is not { } worker)
        {
            return null;
        }

        worker.Phase = WorkerPhase.Draining;
        _reporter.Hurry();
        _drainAsked.TrySetResult();
        return worker.Report();
    }

    internal LocalWorker? Find(string key) => _workers.GetValueOrDefault(key);

    internal IEnumerable<LocalWorker> All => _workers.Values;

    internal IEnumerable<WorkerReport> Reports => _workers.Values.Select(worker => worker.Report());

    /// <summary>Whether it is a worker of this silo that has no engine any more.</summary>
    internal bool IsDetached(WorkerId worker) => worker.Silo == _silo.Name && !_workers.ContainsKey(worker.ToString());

    /// <summary>Something was admitted or has ended: the gateways hear of it at once.</summary>
    internal void Hurry() => _reporter.Hurry();
}
