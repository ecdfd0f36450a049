using Orleans.Concurrency;
using Orleans.Placement;
using OrleansLLM.Sequences;

namespace OrleansLLM.Cluster;

/// <inheritdoc cref="ISequenceGrain"/>
[GrainType("sequence"), PreferLocalPlacement, Reentrant]
internal sealed class SequenceGrain : Grain, ISequenceGrain
{
    private static readonly GrainTimerCreationOptions Watching =
        new(TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(5)) { KeepAlive = true, Interleave = true };

    private readonly SequenceLogs _logs;
    private readonly SequenceJournal _journal;
    private readonly AssignedWorker _worker;
    private Task<SubmitReply>? _submission;

    public SequenceGrain(SequenceLogs logs, ILocalSiloDetails silo, ISiloStatusOracle silos, IGrainFactory grains, TimeProvider time)
    {
        _ = RequestId.TryParse(this.GetPrimaryKeyString(), out var request);
        _logs = logs;
        _journal = new SequenceJournal(logs, request, silo.Name);
        _worker = new AssignedWorker(grains, silos, _journal, time);
    }

    public override Task OnActivateAsync(CancellationToken cancellationToken) =>
        Task.FromResult(this.RegisterGrainTimer(Watch, Watching));

    public async Task<SubmitReply> Submit(JournalMessage message)
    {
        var journal = message.Read();
        SequenceId[] ids = [.. journal.Sequences.Select(sequence => sequence.Id)];
        var opened = _logs.Open(journal.Request, ids, _journal.Epoch);
        var submission = opened == OpenResult.Opened ? _submission = _worker.Attempt(ids, message) : opened == OpenResult.Full ? Task.FromResult(SubmitReply.From(SequenceLogs.Full)) : _submission;
        return submission is not null && await submission is { Reason: not null } refused ? refused : new SubmitReply(_journal.Known);
    }

    public async Task<SubmitReply> Fork(SequenceId sequence, int at, int count)
    {
        if (_logs.OpenForks(sequence, at, count, _journal.Epoch) is not { } children)
        {
            return SubmitReply.Refuse(RefusalReason.Invalid, FormattableString.Invariant($"A fork of {sequence} can begin at 1 to {_logs.Describe(sequence)?.Tokens}, not at {at}."));
        }

        var message = new ForkMessage(sequence, at, [.. children]);
        var reply = await _worker.AskBlocks(blocks => blocks.Fork(message), SubmitReply.Refuse(RefusalReason.UnknownSequence, ""));
        return reply.Reason == RefusalReason.UnknownSequence ? await _worker.Attempt(children, _journal.Write(children)) : _journal.Settle(reply, children);
    }

    public async Task<int?> Change(ChangeMessage message)
    {
        var position = await _worker.Ask(worker => worker.Change(message), whenGone: null);
        _journal.Note(message, position);
        return position;
    }

    public async Task<bool> Finish(SequenceId sequence, int at, FinishReason reason) => _logs.Finish(sequence, at, reason) && await Abort(sequence);

    public Task Abandon(SequenceId sequence) => Abort(sequence);

    public Task Cancel() => Abort(_journal.EndRunning(new SequenceEnd(FinishReason.Cancelled)));

    public async Task<DescriptionReply?> Describe(SequenceId sequence)
    {
        var runs = _logs.Describe(sequence) is { Phase: not SequencePhase.Ended };
        var running = runs ? await _worker.Ask(worker => worker.Describe(sequence), whenGone: null) : null;
        return running ?? DescriptionReply.From(_logs.Describe(sequence));
    }

    private async Task<bool> Abort(params SequenceId[] sequences)
    {
        await (_submission ?? Task.CompletedTask);
        await _worker.Abort(sequences);
        return true;
    }

    private Task Watch(CancellationToken cancellation)
    {
        if (!_worker.IsNeeded)
        {
            DeactivateOnIdle();
        }

        return _worker.Watch();
    }
}
