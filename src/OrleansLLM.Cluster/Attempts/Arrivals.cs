using OrleansLLM.Sequences;
using static System.FormattableString;

namespace OrleansLLM.Cluster;

/// <summary>
/// What workers send to a gateway: steps, whose entries go to the logs, and reports, which are compared with what this silo has given them. What a worker computes
/// for nobody is ended there, what it has given up or lost goes on elsewhere. Used by the gateway's sink, in its turns.
/// </summary>
internal sealed class Arrivals(GatewayContext gateway)
{
    private readonly Orphans _orphans = new(gateway);

    /// <exception cref="InvalidDataException">The steps are for another life of this gateway.</exception>
    public void Take(StepMessage message)
    {
        if (message.Gateway != gateway.Silo.AsGateway.Address)
        {
            throw new InvalidDataException($"These steps are for {message.Gateway}, another life of this gateway.");
        }

        List<AttemptId>? orphans = null;
        List<LostAttempt>? lost = null;
        var now = gateway.Silo.Time.GetTimestamp();
        var entries = message.Entries.Span;
        while (StepFormat.TryRead(ref entries, out var entry))
        {
            if (IsGivenUp(entry, out var loss))
            {
                (lost ??= []).Add(loss);
                continue;
            }

            switch (gateway.Logs.Append(entry))
            {
                case AppendResult.Gap when !gateway.Assignments.TryKeep(entry):
                    (lost ??= []).Add(new LostAttempt(AttemptId.Of(entry), LossCause.Forgot, Invariant($"The tokens before position {entry.Position} were lost.")));
                    break;
                case AppendResult.Unknown or AppendResult.OlderEpoch or AppendResult.Ended:
                    (orphans ??= []).Add(AttemptId.Of(entry));
                    break;
                case AppendResult.Appended:
                    Note(entry, message.Worker, now);
                    break;
            }
        }

        _orphans.End(message.Worker, orphans ?? []);
        Lose(lost ?? []);
    }

    public void Take(ReportMessage message)
    {
        if (gateway.Silo.Pulse.HasStopped)
        {
            return; // others may have what it does not name
        }

        gateway.Watch.Hear(message.Worker);
        var difference = gateway.Assignments.Compare(message);
        _orphans.End(message.Worker.Worker, difference.Orphans);
        Lose(difference.Forgotten.Select(attempt =>
            new LostAttempt(attempt, LossCause.Forgot, $"Worker {message.Worker.Worker} does not hold it any more.")));
    }

    /// <summary>Another worker can go on with what this one has given up; in a cluster of one nobody can, and the end is the answer's.</summary>
    private bool IsGivenUp(in StepEntry entry, out LostAttempt loss)
    {
        LossCause? cause = entry.End?.Reason switch
        {
            FinishReason.Failed => LossCause.Failed,
            FinishReason.ShutDown => LossCause.Drains,
            _ => null,
        };
        loss = new LostAttempt(AttemptId.Of(entry), cause.GetValueOrDefault(), entry.End?.Message ?? "");
        return cause is not null && !gateway.Silo.IsAlone;
    }

    /// <summary>Where another worker goes on, its readers had to wait.</summary>
    private void Note(in StepEntry entry, WorkerId worker, long now)
    {
        if (entry.Token is not null && gateway.Assignments.NoteToken(AttemptId.Of(entry), now) is { } gap)
        {
            gateway.Metrics.OnGap(gateway.Logs.RequestOf(entry.Sequence)?.Model ?? "", worker, gap);
        }

        if (entry.End is not null)
        {
            gateway.Assignments.Remove(entry.Sequence);
        }
    }

    private void Lose(IEnumerable<LostAttempt> lost)
    {
        foreach (var ofOne in lost.GroupBy(loss => loss.Attempt.Sequence.Request))
        {
            var first = ofOne.First();
            if (gateway.Assignments.Find(first.Attempt.Sequence) is { } assigned)
            {
                var end = new EndReply(FinishReason.Failed, null, first.Why);
                var message = new LossMessage(assigned.Incarnation, first.Cause, end, [.. ofOne.Select(loss => loss.Attempt)]);
                gateway.Silo.SequenceOf(ofOne.Key).Lose(message).Ignore();
            }
        }
    }

    private readonly record struct LostAttempt(AttemptId Attempt, LossCause Cause, string Why);
}
