namespace OrleansLLM.Cluster.Tests;

[Collection(nameof(SplitCluster))]
public sealed class RouterGrainTests(SplitCluster cluster) : GrainTest(cluster)
{
    [Fact]
    public async Task A_model_that_nobody_serves_is_refused_with_the_names_of_those_that_are_served()
    {
        await AttachAsync();
        await AttachAsync();
        var refused = await RefuseAsync("other");

        Assert.Equal(RefusalReason.UnknownModel, refused.Reason);
        var parts = refused.Message.TrimEnd('.').Split("; served are: ");
        Assert.Equal("No worker serves model 'other'", parts[0]);
        var names = parts[1].Split(", ");
        Assert.Contains(Model, names);
        Assert.Equal(names.Distinct().Order(StringComparer.Ordinal), names);
    }

    [Fact]
    public async Task A_model_whose_only_worker_drains_is_unavailable()
    {
        await AttachAsync(out var id);
        Cluster.Workers.Find(id.ToString())!.Phase = WorkerPhase.Draining;
        await Cluster.Grains.GetGrain<IGpuWorkerGrain>(id.ToString()).Announce();

        Assert.Equal(
            new SubmitResult.Refused(
                RefusalReason.Unavailable, $"No worker is ready for model '{Model}': it is loading or stopping, try again."),
            await RefuseAsync(Model));
    }

    [Fact]
    public async Task A_router_that_has_heard_of_no_worker_looks_before_it_refuses()
    {
        var engine = await AttachAsync();
        engine.Served = engine.Served with { Model = $"{Model}-later" };
        await Cluster.Generator.SubmitAsync(Request() with { Model = $"{Model}-later" }, Cancellation);

        Assert.Single(engine.Attempts);
    }

    private async Task<SubmitResult.Refused> RefuseAsync(string model) =>
        Assert.IsType<SubmitResult.Refused>(await Cluster.Generator.SubmitAsync(Request() with { Model = model }, Cancellation));
}
