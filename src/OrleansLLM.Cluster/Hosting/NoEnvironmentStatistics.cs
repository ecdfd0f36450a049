using Orleans.Statistics;

namespace OrleansLLM.Cluster;

/// <summary>
/// For a cluster of one, where no placement weighs silos: Orleans' own provider collects garbage when it is made and listens to the
/// runtime's counters every second from then on.
/// </summary>
internal sealed class NoEnvironmentStatistics : IEnvironmentStatisticsProvider
{
    public EnvironmentStatistics GetEnvironmentStatistics() => default;
}
