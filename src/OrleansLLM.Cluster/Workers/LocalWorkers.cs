using System.Collections.Concurrent;
using OrleansLLM.Sequences;

namespace OrleansLLM.Cluster;

/// <summary>
/// The engines of this silo. A silo may be up long before its engine: requests for a model are refused as unavailable until an engine
/// for it is attached. May be called from any thread.
/// </summary>
public sealed class LocalWorkers(ILocalSiloDetails silo, IGrainFactory grains, TimeProvider time) : ILifecycleParticipant<ISiloLifecycle>
{
    private readonly ConcurrentDictionary<string, LocalWorker> _workers = [];
    private readonly TaskCompletionSource _active = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Makes an engine a worker of the cluster, as soon as the silo is active; its model's router knows it when this completes.</summary>
    /// <param name="device">The device's number in this silo; each holds one engine.</param>
    public async Task<WorkerId> AttachAsync(int device, IEngine engine, CancellationToken cancellation)
    {
        var worker = new LocalWorker(new WorkerId(silo.Name, device), engine, grains, time);
        if (!_workers.TryAdd(worker.Id.ToString(), worker))
        {
            throw new InvalidOperationException($"Worker {worker.Id} has an engine already: give each engine of a silo a device number of its own.");
        }

        await _active.Task.WaitAsync(cancellation).ConfigureAwait(false);
        await AnnounceAsync(worker).ConfigureAwait(false);
        return worker.Id;
    }

    /// <summary>Takes no more requests and completes when all that run have ended.</summary>
    public Task DrainAsync(CancellationToken cancellation) => Task.WhenAll(_workers.Values.Select(async worker =>
    {
        worker.Phase = WorkerPhase.Draining;
        await AnnounceAsync(worker).ConfigureAwait(false);
        await worker.Engine.DrainAsync(cancellation).ConfigureAwait(false);
    }));

    /// <summary>Takes an engine out of the cluster; what still runs on it fails, so drain it first.</summary>
    public async Task DetachAsync(WorkerId id)
    {
        if (_workers.TryGetValue(id.ToString(), out var worker))
        {
            worker.Phase = WorkerPhase.Draining;
            await AnnounceAsync(worker).ConfigureAwait(false);
            _workers.TryRemove(id.ToString(), out _);
        }
    }

    public void Participate(ISiloLifecycle lifecycle) => lifecycle.Subscribe(
        nameof(LocalWorkers), ServiceLifecycleStage.Active, _ =>
        {
            _active.TrySetResult();
            return Task.CompletedTask;
        });

    internal LocalWorker? Find(string key) => _workers.GetValueOrDefault(key);

    private Task AnnounceAsync(LocalWorker worker) => grains.GetGrain<IGpuWorkerGrain>(worker.Id.ToString()).Announce();
}
