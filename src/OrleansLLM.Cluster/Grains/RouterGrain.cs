using Orleans.Concurrency;
using Orleans.Placement;

namespace OrleansLLM.Cluster;

/// <inheritdoc cref="IRouterGrain"/>
[GrainType("router"), PreferLocalPlacement, KeepAlive, Reentrant]
internal sealed class RouterGrain(ClusterFleet fleet, TimeProvider time) : Grain, IRouterGrain
{
    private readonly WorkerRoster _roster = new(time);

    public Task Report(WorkerReport report)
    {
        _roster.Report(report);
        return Task.CompletedTask;
    }

    public async Task<RouteReply> Choose(RouteQuery query)
    {
        if (_roster.TryChoose(query.Prefix, out var worker))
        {
            return new RouteReply(worker);
        }

        // Nobody reported for a while: this router may be new, so it looks before it refuses.
        var reports = await fleet.GetReportsAsync();
        var model = this.GetPrimaryKeyString();
        foreach (var report in reports.Where(report => report.Model.Name == model))
        {
            _roster.Report(report);
        }

        return _roster.TryChoose(query.Prefix, out worker) ? new RouteReply(worker) : Refuse(model, reports);
    }

    private static RouteReply Refuse(string model, IReadOnlyList<WorkerReport> reports)
    {
        var names = reports.Select(report => report.Model.Name).Distinct().Order(StringComparer.Ordinal).ToList();
        var failed = reports.FirstOrDefault(report => report.Model.Name == model && report.Failure is not null);
        return failed is not null
            ? new RouteReply(null, RefusalReason.Unavailable, $"No worker is ready for model '{model}'. {failed.Worker}: {failed.Failure}")
            : names.Count == 0 || names.Contains(model)
            ? new RouteReply(null, RefusalReason.Unavailable, $"No worker is ready for model '{model}': it is loading or stopping, try again.")
            : new RouteReply(null, RefusalReason.UnknownModel, $"No worker serves model '{model}'; served are: {string.Join(", ", names)}.");
    }
}
