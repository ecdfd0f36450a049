namespace OrleansLLM.Cluster;

/// <summary>
/// <see cref="IFleet"/> of a gateway's silo: what the workers have reported, which it asks nobody for. Those of this silo are looked at when it is read.
/// </summary>
/// <param name="local">The engines of this silo, where it is a worker, too.</param>
internal sealed class ClusterFleet(FleetWatch watch, ClusterView cluster, SiloContext silo, LocalWorkers? local = null) : IFleet
{
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan DrainPatience = TimeSpan.FromSeconds(2);

    public IReadOnlyList<WorkerReport> Reports
    {
        get
        {
            Look();
            return watch.Reports;
        }
    }

    public ValueTask<IReadOnlyList<WorkerDescription>> GetWorkersAsync(CancellationToken cancellation) =>
        ValueTask.FromResult<IReadOnlyList<WorkerDescription>>([.. Reports.Select(Describe)]);

    public ValueTask<IReadOnlyList<ModelDescription>> GetModelsAsync(CancellationToken cancellation) =>
        ValueTask.FromResult<IReadOnlyList<ModelDescription>>([.. Reports.Select(report => report.Model.ToDescription()).DistinctBy(model => model.Name)]);

    public async ValueTask<ClusterDescription> DescribeAsync(CancellationToken cancellation)
    {
        var counts = await Task.WhenAll(cluster.Gateways.Select(gateway => CountAsync(gateway, cancellation))).ConfigureAwait(false);
        return new ClusterDescription(
            [.. cluster.Silos.Where(silo => silo.Roles != 0).Select(silo => silo.Describe())], await GetWorkersAsync(cancellation).ConfigureAwait(false), counts.Sum(count => count.Sequences), counts.Sum(count => count.Copied));
    }

    public async ValueTask<DrainResult> DrainAsync(string worker, CancellationToken cancellation)
    {
        var workers = Reports;
        var known = workers.FirstOrDefault(report => report.Worker.ToString() == worker) ?? workers.FirstOrDefault(report => report.Worker.Silo == worker);
        if (known is null)
        {
            return new DrainResult.Unknown();
        }

        var ask = () => silo.WorkerOf(known.Worker).Drain().WaitAsync(DrainPatience, silo.Time, cancellation);
        if (await GrainCalls.TryAsync(ask, null).ConfigureAwait(false) is not { } report)
        {
            return new DrainResult.Unanswered(known.Worker);
        }

        watch.Hear(report);
        return new DrainResult.Begun(Describe(report));
    }

    private WorkerDescription Describe(WorkerReport report) => report.ToDescription() with
    {
        Incarnation = report.Incarnation,
        ReportAge = watch.AgeOf(report.Worker),
    };

    private async Task<CountReply> CountAsync(GatewayMessage gateway, CancellationToken cancellation)
    {
        try
        {
            return await silo.Grains.GetGrain<IGatewaySinkGrain>(gateway.Name).Count().WaitAsync(Patience, silo.Time, cancellation).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            return new CountReply(0, 0);
        }
    }

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

        watch.Leave(local.IsDetached);
    }
}
