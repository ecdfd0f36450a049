using Orleans.Placement;
using OrleansLLM.Sequences;
using static System.FormattableString;

namespace OrleansLLM.Cluster;

/// <inheritdoc cref="IGatewaySinkGrain"/>
[GrainType("gateway-sink"), PinnedPlacement, Immovable, KeepAlive]
internal sealed class GatewaySinkGrain(GatewayContext gateway) : Grain, IGatewaySinkGrain
{
    public Task OnStep(StepMessage message)
    {
        if (message.Gateway != gateway.Silo.AsGateway.Address)
        {
            throw new InvalidDataException($"These steps are for {message.Gateway}, another life of this gateway.");
        }

        List<AttemptId>? orphans = null;
        List<LostAttempt>? lost = null;
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
                case AppendResult.Appended when entry.End is not null:
                    gateway.Assignments.Remove(entry.Sequence);
                    break;
            }
        }

        Abort(message.Worker, orphans ?? []);
        Lose(lost ?? []);
        return Task.CompletedTask;
    }

    public Task OnReport(ReportMessage message)
    {
        gateway.Watch.Hear(message.Worker);
        var difference = gateway.Assignments.Compare(message);
        Abort(message.Worker.Worker, difference.Orphans);
        Lose(difference.Forgotten.Select(attempt =>
            new LostAttempt(attempt, LossCause.Forgot, $"Worker {message.Worker.Worker} does not hold it any more.")));
        return Task.CompletedTask;
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

    /// <summary>Not awaited: the worker waits for this step's answer before it sends the next, and frees its blocks when it can.</summary>
    private void Abort(WorkerId worker, IReadOnlyCollection<AttemptId> orphans)
    {
        if (orphans.Count > 0)
        {
            GrainFactory.GetGrain<IGpuWorkerGrain>(worker.ToString()).Abort([.. orphans.Select(attempt => new AttemptEndMessage(attempt, null, null))]).Ignore();
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
                GrainFactory.GetGrain<ISequenceGrain>(ofOne.Key.ToString()).Lose(message).Ignore();
            }
        }
    }

    private readonly record struct LostAttempt(AttemptId Attempt, LossCause Cause, string Why);
}
