namespace OrleansLLM.Cluster;

/// <summary>
/// <see cref="IFleet"/> of a gateway's silo: what the workers have reported, which it asks nobody for. Those of this silo are looked at when it is read.
/// </summary>
/// <param name="local">The engines of this silo, where it is a worker, too.</param>
internal sealed class ClusterFleet(FleetWatch watch, LocalWorkers? local = null) : IFleet
{
    public IReadOnlyList<WorkerReport> Reports
    {
        get
        {
            Look();
            return watch.Reports;
        }
    }

    /// <inheritdoc cref="FleetWatch.Choosable"/>
    public IReadOnlyList<WorkerReport> Choosable
    {
        get
        {
            Look();
            return watch.Choosable;
        }
    }

    public ValueTask<IReadOnlyList<WorkerDescription>> GetWorkersAsync(CancellationToken cancellation) =>
        ValueTask.FromResult<IReadOnlyList<WorkerDescription>>([.. Reports.Select(report => report.ToDescription())]);

    public ValueTask<IReadOnlyList<ModelDescription>> GetModelsAsync(CancellationToken cancellation) =>
        ValueTask.FromResult<IReadOnlyList<ModelDescription>>([.. Reports.Select(report => report.Model.ToDescription()).DistinctBy(model => model.Name)]);

    /// <summary>Hears the workers of this silo.</summary>
    public void Look()
    {
        if (local is null)
        {
            return;
        }

        foreach (var report in local.Reports)
        {
            watch.Hear(report);
        }

        foreach (var report in watch.Reports.Where(report => local.IsDetached(report.Worker)))
        {
            watch.Leave(report.Worker);
        }
    }
}
