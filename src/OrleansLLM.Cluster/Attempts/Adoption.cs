using OrleansLLM.Sequences;

namespace OrleansLLM.Cluster;

/// <summary>
/// A dead gateway's request goes on in this silo, from the copies of the workers: for each sequence the newest attempt, then the longest. Promises: nothing is
/// computed again; the worker gives to this gateway's sink what it computes from the moment at which it was asked to, and what came before that to the
/// caller, so no token is missed; attempts that were not chosen end.
/// </summary>
internal sealed class Adoption(GatewayContext gateway, RequestAttempts attempts)
{
    /// <summary>How long the streams of a dead gateway are held for readers that come back.</summary>
    public static readonly TimeSpan Linger = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(250);

    /// <summary>False where it should be asked again: this silo has not heard of the worker yet that offers the request.</summary>
    public async Task<bool> RunAsync(RequestId request, WorkerId offeredBy)
    {
        var workers = gateway.Watch.Reports;
        if (gateway.Logs.Find(request) is not null)
        {
            return true;
        }

        if (workers.All(report => report.Worker != offeredBy))
        {
            return false;
        }

        var found = (await Task.WhenAll(workers.Select(report => AskAsync(report, request)))).SelectMany(copies => copies).ToList();
        var chosen = found.GroupBy(copy => copy.Message.Attempt.Sequence)
            .Select(copies => copies.OrderByDescending(copy => copy.Message.Attempt.Epoch).ThenByDescending(copy => copy.Message.Entries.Length).First())
            .OrderBy(copy => copy.Message.Attempt.Sequence.Index)
            .ToList();
        if (chosen.Count > 0 && Restore(chosen))
        {
            found.Except(chosen).ToList().ForEach(copy => gateway.Metrics.OnOrphan(copy.Worker.Worker, OrphanCause.NotChosen));
            await Task.WhenAll(found.Except(chosen).GroupBy(copy => copy.Worker.Worker).Select(losers => gateway.Ends.TellAsync(
                losers.Key, [.. losers.Select(copy => new AttemptEndMessage(copy.Message.Attempt, null, null))])));
            await Task.WhenAll(chosen.Select(RedirectAsync));
        }

        return true;
    }

    private async Task<IEnumerable<Copy>> AskAsync(WorkerReport worker, RequestId request)
    {
        var ask = () => gateway.Silo.WorkerOf(worker.Worker).GetCopies(new SequenceId(request, 0)).WaitAsync(Patience, gateway.Silo.Time);
        return (await GrainCalls.TryAsync(ask, [])).Select(message => new Copy(worker, message));
    }

    /// <summary>Opens the logs with what the copies hold; false where they are open by now.</summary>
    private bool Restore(List<Copy> copies)
    {
        SequenceId[] ids = [.. copies.Select(copy => copy.Message.Attempt.Sequence)];
        if (gateway.Logs.Restore([.. copies.Select(copy => KeyValuePair.Create(copy.Message.Attempt.Sequence, copy.Request))]) != OpenResult.Opened)
        {
            return false;
        }

        foreach (var copy in copies)
        {
            var (message, id) = (copy.Message, copy.Message.Attempt.Sequence);
            gateway.Logs.RaiseEpoch(id, message.Attempt.Epoch);
            foreach (var mark in copy.Fingerprints)
            {
                gateway.Logs.Note(id, mark);
            }

            foreach (var change in copy.Changes)
            {
                gateway.Logs.Note(id, change);
            }

            Append(message.Entries, message.EndMark ?? int.MaxValue);
            if (message.End is not null)
            {
                gateway.Logs.End(id, message.End.ToEnd());
            }
            else if (gateway.IsRunning(id))
            {
                gateway.Metrics.OnAdoption(copy.Request.Model, copy.Worker.Worker);
                gateway.Assignments.Adopt(new Assignment(message.Attempt, copy.Worker.Worker, copy.Worker.Incarnation, copy.Worker.Model.Fingerprint));
            }
        }

        attempts.Adopt(ids, copies.Max(copy => copy.Message.Attempt.Epoch), copies.Max(copy => copy.Message.Age));
        gateway.Logs.Hold(ids, Linger);
        return true;
    }

    private async Task RedirectAsync(Copy copy)
    {
        var id = copy.Message.Attempt.Sequence;
        var redirect = new RedirectMessage(copy.Message.Attempt, gateway.Silo.AsGateway, gateway.Logs.Describe(id)?.Tokens ?? 0);
        try
        {
            Append(await gateway.Silo.WorkerOf(copy.Worker.Worker).Redirect(redirect), int.MaxValue);
            gateway.Assignments.Accept(copy.Message.Attempt);
        }
#pragma warning disable CA1031 // whatever keeps the worker from answering, another one goes on
        catch (Exception exception)
#pragma warning restore CA1031
        {
            var end = new EndReply(FinishReason.Failed, null, $"Worker {copy.Worker.Worker} can't be reached: {exception.Message}");
            gateway.Assignments.Accept(copy.Message.Attempt); // reports tell of it from now on, should this not be heard
            attempts.Lose([id], new LossMessage(copy.Worker.Incarnation, LossCause.Died, end, [copy.Message.Attempt])).Ignore();
        }

        while (gateway.Assignments.TakeKept(id) is { Count: > 0 } kept)
        {
            foreach (var entry in kept)
            {
                Append(entry);
            }
        }
    }

    private void Append(ReadOnlySpan<byte> entries, int before)
    {
        while (StepFormat.TryRead(ref entries, out var entry))
        {
            if (entry.Position < before)
            {
                Append(entry);
            }
        }
    }

    private void Append(in StepEntry entry)
    {
        if (gateway.Logs.Append(entry) == AppendResult.Appended && entry.End is not null)
        {
            gateway.Assignments.Remove(entry.Sequence);
        }
    }

    private sealed record Copy(WorkerReport Worker, CopyMessage Message)
    {
        private readonly Journal _journal = Message.Journal.Read();

        /// <summary>Readers that come and leave again, from one gateway to the next, are waited for as well.</summary>
        public GenerationRequest Request => _journal.Request with
        {
            PromptIds = _journal.Request.PromptIds[..Message.PromptLength],
            Linger = _journal.Request.Linger > Adoption.Linger ? _journal.Request.Linger : Adoption.Linger,
        };

        public IEnumerable<FingerprintMark> Fingerprints =>
            Message.Fingerprints?.Select(mark => mark.ToMark()) ?? [new FingerprintMark(Message.PromptLength, Worker.Model.Fingerprint)];

        public IEnumerable<JournalChange> Changes =>
            (_journal.Sequences.FirstOrDefault(sequence => sequence.Id == Message.Attempt.Sequence)?.Changes ?? [])
            .Concat(Message.Changes.Select(change => new JournalChange(change.Position, JournalFormat.ReadChange(change.Change))));
    }
}
