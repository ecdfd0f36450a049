using System.Collections.Concurrent;
using OrleansLLM.Sequences;

namespace OrleansLLM.Cluster;

/// <summary>An engine of this silo as the cluster knows it, with one outlet a gateway.</summary>
internal sealed class LocalWorker(WorkerId id, long incarnation, IEngine engine, SiloContext silo)
{
    private readonly ConcurrentDictionary<string, GatewayOutlet> _outlets = [];
    private long _reports;

    public WorkerId Id { get; } = id;

    /// <summary>Higher than that of any engine that this worker had before.</summary>
    public long Incarnation { get; } = incarnation;

    public IEngine Engine { get; } = engine;

    public WorkerPhase Phase { get; set; } = WorkerPhase.Ready;

    /// <summary>The place of a request under which a worker was lost, until its next token.</summary>
    public SuspectSeat Suspect { get; } = new(silo.Time);

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
            Id, Incarnation, model, failure is null ? Phase : WorkerPhase.Failed, LoadMessage.From(Engine.Load), Engine.Progress, number, failure, silo.Address.ToParsableString());
    }

    /// <summary>The same for one gateway, with what is held of its sequences.</summary>
    public ReportMessage ReportTo(string gateway)
    {
        var held = _outlets.TryGetValue(gateway, out var outlet) ? Engine.ListAttempts(outlet) : [];
        return new ReportMessage(
            Report(),
            [.. held.Where(attempt => attempt.Phase != SequencePhase.Waiting).Select(attempt => attempt.Attempt)],
            [.. held.Where(attempt => attempt.Phase == SequencePhase.Waiting).Select(attempt => attempt.Attempt)]);
    }

    private GatewayOutlet Open(string gateway) => new(
        Id, Engine, Suspect, silo.Grains.GetGrain<IGatewaySinkGrain>(gateway), () => !silo.IsAlone && silo.IsMember(gateway), silo.Time);
}
