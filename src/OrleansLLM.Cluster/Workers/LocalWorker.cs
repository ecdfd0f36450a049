using System.Collections.Concurrent;
using OrleansLLM.Sequences;

namespace OrleansLLM.Cluster;

/// <summary>An engine of this silo as the cluster knows it, with one outlet a gateway.</summary>
internal sealed class LocalWorker(WorkerId id, long incarnation, IEngine engine, SiloContext silo)
{
    private readonly ConcurrentDictionary<GatewayMessage, GatewayOutlet> _outlets = [];
    private long _reports;

    public WorkerId Id { get; } = id;

    /// <summary>Higher than that of any engine that this worker had before.</summary>
    public long Incarnation { get; } = incarnation;

    public IEngine Engine { get; } = engine;

    public WorkerPhase Phase { get; set; } = WorkerPhase.Ready;

    /// <summary>The place of a request under which a worker was lost, until its next token.</summary>
    public SuspectSeat Suspect { get; } = new(silo.Time);

    /// <summary>Null in a cluster of one.</summary>
    public AttemptCopies? Copies { get; } = silo.IsAlone ? null : new AttemptCopies(silo.Time);

    public IStepSink OutletTo(GatewayMessage gateway) => _outlets.AddOrUpdate(
        gateway, Open, (life, outlet) => outlet.IsLost ? Open(life) : outlet);

    /// <summary>Gives an attempt to another gateway, which gets from here what it lacks and from its outlet what follows.</summary>
    /// <exception cref="InvalidOperationException">That gateway has died by now, too.</exception>
    public async Task<byte[]> RedirectAsync(RedirectMessage message)
    {
        if (!silo.IsActive(message.Gateway.Address))
        {
            throw new InvalidOperationException($"Gateway {message.Gateway.Name} has left the cluster.");
        }

        await Engine.RedirectAsync(message.Attempt, OutletTo(message.Gateway)).ConfigureAwait(false);
        foreach (var outlet in _outlets.Values)
        {
            outlet.Flush();
        }

        return Copies?.Redirect(message) ?? [];
    }

    /// <summary>Ends attempts, unless the table of members calls the gateway dead that says so: others have them now.</summary>
    public async Task EndAsync(AttemptEndMessage[] ends, GatewayMessage from)
    {
        foreach (var end in silo.IsDead(from.Address) ? [] : ends)
        {
            await Engine.AbortAsync(end.Attempt, CancellationToken.None).ConfigureAwait(false);
            Copies?.End(end);
            Suspect.Leave(end.Attempt.Sequence.Request);
        }
    }

    /// <summary>The gateway's silo is dead, and nothing is held for it any more.</summary>
    public void Close(string gatewayAddress)
    {
        foreach (var life in _outlets.Keys.Where(life => life.Address == gatewayAddress))
        {
            _outlets.TryRemove(life, out _);
        }
    }

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
    public ReportMessage ReportTo(GatewayMessage gateway)
    {
        var held = _outlets.TryGetValue(gateway, out var outlet) ? Engine.ListAttempts(outlet) : [];
        return new ReportMessage(
            Report(),
            [.. held.Where(attempt => attempt.Phase != SequencePhase.Waiting).Select(attempt => attempt.Attempt)],
            [.. held.Where(attempt => attempt.Phase == SequencePhase.Waiting).Select(attempt => attempt.Attempt)]);
    }

    private GatewayOutlet Open(GatewayMessage gateway)
    {
        var sink = silo.Grains.GetGrain<IGatewaySinkGrain>(gateway.Name);
        var line = new GatewayLine(Id, gateway, sink, () => !silo.IsAlone && silo.IsActive(gateway.Address));
        return new GatewayOutlet(Engine, line, Suspect, Copies, silo.Time);
    }
}
