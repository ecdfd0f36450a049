using Orleans.Concurrency;
using Orleans.Placement;
using OrleansLLM.Sequences;

namespace OrleansLLM.Cluster;

/// <inheritdoc cref="ISequenceGrain"/>
[GrainType("sequence"), PreferLocalPlacement, Reentrant, KeepAlive]
internal sealed class SequenceGrain(GatewayContext gateway) : Grain, ISequenceGrain
{
    private readonly RequestAttempts _attempts = new(gateway);
    private Task<SubmitReply>? _submission;

    private SequenceId[] Known => RequestId.TryParse(this.GetPrimaryKeyString(), out var request) ? [.. gateway.Logs.Find(request) ?? []] : [];

    public async Task<SubmitReply> Submit(JournalMessage message)
    {
        var journal = message.Read();
        SequenceId[] ids = [.. journal.Sequences.Select(sequence => sequence.Id)];
        var submission = gateway.Logs.Open(journal.Request, ids, default) switch
        {
            OpenResult.Opened => _submission = _attempts.Begin(ids, message),
            OpenResult.Full => Task.FromResult(SubmitReply.From(SequenceLogs.Full)),
            _ => _submission,
        };
        return submission is not null && await submission is { Reason: not null } refused ? refused : new SubmitReply(Known);
    }

    public async Task<SubmitReply> Fork(SequenceId sequence, int at, int count)
    {
        var parent = gateway.Assignments.Find(sequence);
        if (gateway.Logs.OpenForks(sequence, at, count, parent?.Attempt.Epoch ?? default) is not { } children)
        {
            return SubmitReply.Refuse(RefusalReason.Invalid, FormattableString.Invariant($"A fork of {sequence} can begin at 1 to {gateway.Logs.Describe(sequence)?.Tokens}, not at {at}."));
        }

        return await (parent is null ? _attempts.Begin([.. children], message: null) : _attempts.Fork([.. children], at, parent));
    }

    public Task<int?> Change(ChangeMessage message) => _attempts.Change(message);

    public async Task<bool> Finish(SequenceId sequence, int at, FinishReason reason) => gateway.Logs.Finish(sequence, at, reason) && await Abort(sequence);

    public Task Abandon(SequenceId sequence) => Abort(sequence);

    public Task Cancel() => Abort([.. Known.Where(id => gateway.Logs.End(id, new SequenceEnd(FinishReason.Cancelled)))]);

    public Task Lose(LossMessage loss) => _attempts.Lose(Known, loss);

    public async Task<DescriptionReply?> Describe(SequenceId sequence) =>
        await _attempts.Describe(sequence) ?? DescriptionReply.From(gateway.Logs.Describe(sequence));

    public Task<bool> Adopt(WorkerId offeredBy) => RequestId.TryParse(this.GetPrimaryKeyString(), out var request)
        ? new Adoption(gateway, _attempts).RunAsync(request, offeredBy)
        : Task.FromResult(true);

    public Task Forget()
    {
        DeactivateOnIdle();
        return Task.CompletedTask;
    }

    private async Task<bool> Abort(params SequenceId[] sequences)
    {
        await (_submission ?? Task.CompletedTask);
        await _attempts.Abort(sequences);
        return true;
    }
}
