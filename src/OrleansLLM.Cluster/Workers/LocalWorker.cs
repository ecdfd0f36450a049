using System.Collections.Concurrent;
using OrleansLLM.Sequences;

namespace OrleansLLM.Cluster;

/// <summary>An engine of this silo as the cluster knows it, with one outlet a gateway.</summary>
internal sealed class LocalWorker(WorkerId id, IEngine engine, IGrainFactory grains, TimeProvider time)
{
    private readonly ConcurrentDictionary<string, GatewayOutlet> _outlets = [];
    private readonly long _incarnation = Random.Shared.NextInt64();
    private long _reports;

    public WorkerId Id { get; } = id;

    public IEngine Engine { get; } = engine;

    public WorkerPhase Phase { get; set; } = WorkerPhase.Ready;

    public IStepSink OutletTo(string gateway) => _outlets.AddOrUpdate(
        gateway, Open, (name, outlet) => outlet.IsLost ? Open(name) : outlet);

    public WorkerReport Report()
    {
        // The number before the phase: whatever changes after that is in a report with a higher one.
        var number = Interlocked.Increment(ref _reports);
        var facts = Engine.Facts;
        var model = new ServedModelMessage(
            facts.Model, facts.MaxLength, facts.VocabularySize, facts.Fingerprint, facts.Device, facts.TotalBlocks * facts.BlockSize);
        var failure = Engine.Failure;
        return new WorkerReport(
            Id, _incarnation, model, failure is null ? Phase : WorkerPhase.Failed, LoadMessage.From(Engine.Load), Engine.Progress, number, failure);
    }

    private GatewayOutlet Open(string gateway) => new(Id, Engine, grains.GetGrain<IGatewaySinkGrain>(gateway), time);
}
