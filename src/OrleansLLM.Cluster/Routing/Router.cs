namespace OrleansLLM.Cluster;

/// <summary>
/// Chooses workers by what this gateway's silo knows of them; asks nobody. A model's router grain speaks for one of these, and where that one does not
/// answer in time, a gateway asks its own. May be called from any thread.
/// </summary>
internal sealed class Router(ClusterFleet fleet, FleetWatch watch)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, WorkerRoster> _rosters = new(StringComparer.Ordinal);

    public RouteReply Choose(string model, RouteQuery query)
    {
        var (workers, choosable) = (fleet.Reports, watch.Choosable);
        lock (_lock)
        {
            if (workers.All(report => report.Model.Name != model))
            {
                _rosters.Remove(model);
                return Refuse(model, workers);
            }

            if (!_rosters.TryGetValue(model, out var roster))
            {
                _rosters.Add(model, roster = new WorkerRoster());
            }

            roster.Keep(workers);
            return roster.Choose([.. choosable.Where(report => report.Model.Name == model)], query) is { } chosen
                ? new RouteReply(chosen.Worker, Incarnation: chosen.Incarnation, Fingerprint: chosen.Model.Fingerprint)
                : Refuse(model, workers);
        }
    }

    private static RouteReply Refuse(string model, IReadOnlyList<WorkerReport> workers)
    {
        var names = workers.Select(report => report.Model.Name).Distinct().Order(StringComparer.Ordinal).ToList();
        var failed = workers.FirstOrDefault(report => report.Model.Name == model && report.Failure is not null);
        return failed is not null
            ? new RouteReply(null, RefusalReason.Unavailable, $"No worker is ready for model '{model}'. {failed.Worker}: {failed.Failure}")
            : names.Count == 0 || names.Contains(model)
            ? new RouteReply(null, RefusalReason.Unavailable, $"No worker is ready for model '{model}': it is loading or stopping, try again.")
            : new RouteReply(null, RefusalReason.UnknownModel, $"No worker serves model '{model}'; served are: {string.Join(", ", names)}.");
    }
}
