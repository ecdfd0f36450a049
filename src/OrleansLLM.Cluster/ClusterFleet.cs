namespace OrleansLLM.Cluster;

/// <summary><see cref="IFleet"/> over the grains: the active worker grains are the fleet, each describes itself.</summary>
internal sealed class ClusterFleet(IGrainFactory grains) : IFleet
{
    private static readonly GrainType WorkerGrains = GrainType.Create("worker");

    public async ValueTask<IReadOnlyList<WorkerDescription>> GetWorkersAsync(CancellationToken cancellation)
    {
        var reports = await GetReportsAsync().WaitAsync(cancellation).ConfigureAwait(false);
        return [.. reports.Select(report => report.ToDescription())];
    }

    public async ValueTask<IReadOnlyList<ModelDescription>> GetModelsAsync(CancellationToken cancellation)
    {
        var reports = await GetReportsAsync().WaitAsync(cancellation).ConfigureAwait(false);
        return [.. reports.Select(report => report.Model.ToDescription()).DistinctBy(model => model.Name)];
    }

    /// <summary>What every worker says of itself now, in the order of their ids; one that can't be reached is left out.</summary>
    public async Task<IReadOnlyList<WorkerReport>> GetReportsAsync()
    {
        var ids = await grains.GetGrain<IManagementGrain>(0).GetActiveGrains(WorkerGrains);
        var reports = await Task.WhenAll(ids.Select(TryGetReportAsync));
        return [.. reports.OfType<WorkerReport>().OrderBy(report => report.Worker.Silo, StringComparer.Ordinal).ThenBy(report => report.Worker.Device)];
    }

    private async Task<WorkerReport?> TryGetReportAsync(GrainId id)
    {
        try
        {
            return await grains.GetGrain<IGpuWorkerGrain>(id).GetReport();
        }
#pragma warning disable CA1031 // one worker that can't answer, whatever its reason, must not hide the others
        catch (Exception)
#pragma warning restore CA1031
        {
            return null;
        }
    }
}
