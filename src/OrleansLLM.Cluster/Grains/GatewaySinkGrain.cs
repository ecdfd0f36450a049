using Orleans.Placement;
using OrleansLLM.Sequences;
using static System.FormattableString;

namespace OrleansLLM.Cluster;

/// <inheritdoc cref="IGatewaySinkGrain"/>
[GrainType("gateway-sink"), PinnedPlacement, Immovable, KeepAlive]
internal sealed class GatewaySinkGrain(SequenceLogs logs) : Grain, IGatewaySinkGrain
{
    public Task OnStep(StepMessage message)
    {
        List<SequenceId>? orphans = null;
        var entries = message.Entries.Span;
        while (StepFormat.TryRead(ref entries, out var entry))
        {
            var result = logs.Append(entry);
            if (result == AppendResult.Gap)
            {
                logs.End(entry.Sequence, new SequenceEnd(FinishReason.Failed, Message: Invariant($"The tokens before position {entry.Position} were lost.")));
            }

            if (result is AppendResult.Gap or AppendResult.Unknown or AppendResult.OlderEpoch or AppendResult.Ended)
            {
                (orphans ??= []).Add(entry.Sequence);
            }
        }

        if (orphans is not null)
        {
            // Not awaited: the worker waits for this step's answer before it sends the next, and frees its blocks when it can.
            GrainFactory.GetGrain<IGpuWorkerGrain>(message.Worker.ToString()).Abort([.. orphans]).Ignore();
        }

        return Task.CompletedTask;
    }
}
