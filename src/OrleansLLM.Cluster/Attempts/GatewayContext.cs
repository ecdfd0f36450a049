using OrleansLLM.Sequences;

namespace OrleansLLM.Cluster;

/// <summary>What the requests of one gateway's silo share.</summary>
internal sealed record GatewayContext(
    SequenceLogs Logs, Assignments Assignments, UnheardEnds Ends, FleetWatch Watch, Routes Routes, SiloContext Silo, ClusterMetrics Metrics)
{
    /// <summary>Whether its log is here and has not ended.</summary>
    public bool IsRunning(SequenceId sequence) => Logs.Describe(sequence) is { Phase: not SequencePhase.Ended };
}
