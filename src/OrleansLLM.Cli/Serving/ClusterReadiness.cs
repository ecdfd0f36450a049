using OrleansLLM.Cluster;
using OrleansLLM.Gateway;

namespace OrleansLLM.Cli.Serving;

/// <summary>A process of a cluster is ready as a member of it, and a gateway while some worker is.</summary>
/// <param name="fleet">Null where the engine is in this process.</param>
internal sealed class ClusterReadiness(ClusterView cluster, FleetModels? fleet = null) : IReadiness
{
    public string? WhyNotReady =>
        !cluster.IsJoined ? "This server is no member of its cluster now."
        : fleet?.Workers.Count == 0 ? "No worker serves the model now."
        : null;
}
