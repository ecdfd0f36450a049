using Orleans.Concurrency;
using Orleans.Placement;
using OrleansLLM.Sequences;

namespace OrleansLLM.Cluster;

/// <inheritdoc cref="ISequenceGrain"/>
[GrainType("sequence"), PreferLocalPlacement, Reentrant, KeepAlive]
internal sealed class SequenceGrain(GatewayContext gateway) : Grain, ISequenceGrain
{
    private static readonly GrainTimerCreationOptions Leaving = new(TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(2));

    private readonly RequestAttempts _attempts = new(gateway);
    private readonly RemoteReaders _readers = new(gateway.Logs, gateway.Silo.Time);
    private IGrainTimer? _leaving;
    private Task<SubmitReply>? _submission;

    private RequestId Request => RequestId.TryParse(this.GetPrimaryKeyString(), out var request) ? request : default;

    private SequenceId[] Known => [.. gateway.Logs.Find(Request) ?? []];

    public async Task<SubmitReply> Submit(JournalMessage message, RouteReply? chosen)
    {
        var journal = message.Read();
        SequenceId[] ids = [.. journal.Sequences.Select(sequence => sequence.Id)];
        var opened = gateway.Logs.Open(journal.Request, ids, default);
        var submission = opened switch
        {
            OpenResult.Opened => _submission = _attempts.Begin(ids, message, chosen),
            OpenResult.Full => Task.FromResult(SubmitReply.From(SequenceLogs.Full)),
            _ => _submission,
        };
        return submission is not null && await submission is { Reason: not null } refused
            ? refused
            : new SubmitReply(Known, IsKnown: opened == OpenResult.Known);
    }

    public async Task<SubmitReply> Fork(SequenceId sequence, int at, int count) => Answer(await _attempts.Fork(sequence, at, count));

    public async Task<int?> Change(ChangeMessage message) => await _attempts.Change(message) ?? Answer<int?>(null);

    public async Task<bool> Finish(SequenceId sequence, int at, FinishReason reason) => gateway.Logs.Finish(sequence, at, reason) ? await Abort(sequence) : Answer(false);

    public Task Abandon(SequenceId sequence) => Abort(sequence);

    public Task Cancel() => Abort([.. Answer(Known).Where(id => gateway.Logs.End(id, new SequenceEnd(FinishReason.Cancelled)))]);

    public Task Lose(LossMessage loss) => _attempts.Lose(Known, loss);

    public async Task<DescriptionReply?> Describe(SequenceId sequence) =>
        await _attempts.Describe(sequence) ?? Answer(DescriptionReply.From(gateway.Logs.Describe(sequence)));

    public async Task<bool> Adopt(WorkerId offeredBy) => Answer(await new Adoption(gateway, _attempts).RunAsync(Request, offeredBy));

    public Task<KnownReply?> Find() => Task.FromResult(Answer(KnownReply.From(gateway.Logs.FindRequest(Request))));

    public async Task<RangeReply?> Read(SequenceId sequence, int from, Guid reader) => Answer(await _readers.ReadAsync(sequence, from, reader));

    public Task Attend(Guid reader, TimeSpan? leaving) => Task.FromResult(Answer(_readers.Attend(reader, leaving)));

    public Task Forget() => Task.FromResult(Answer(true));

    /// <summary>Who asked for what is not here leaves no grain behind, but for a moment, in which it may be submitted.</summary>
    private T Answer<T>(T answer)
    {
        _leaving ??= Known.Length == 0 ? this.RegisterGrainTimer(Leave, Leaving) : null;
        return answer;
    }

    private Task Leave(CancellationToken cancellation)
    {
        _leaving?.Dispose();
        _leaving = null;
        if (Known.Length == 0)
        {
            DeactivateOnIdle();
        }

        return Task.CompletedTask;
    }

    private async Task<bool> Abort(params SequenceId[] sequences)
    {
        await (_submission ?? Task.CompletedTask);
        await _attempts.Abort(sequences);
        return true;
    }
}
