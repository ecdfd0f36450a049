namespace OrleansLLM.Cluster.Tests;

[Collection(nameof(SplitCluster))]
public sealed class RouterGrainTests(SplitCluster cluster) : GrainTest(cluster)
{
    [Fact]
    public async Task A_model_that_nobody_serves_is_refused_with_the_names_of_those_that_are_served()
    {
        var other = await AttachAsync();
        other.Served = other.Served with { Model = $"{Model}-b" };
        await AttachAsync();
        await AttachAsync();
        var refused = await RefuseAsync("other");

        Assert.Equal(RefusalReason.UnknownModel, refused.Reason);
        var parts = refused.Message.TrimEnd('.').Split("; served are: ");
        Assert.Equal("No worker serves model 'other'", parts[0]);
        var names = parts[1].Split(", ");
        Assert.Contains(Model, names);
        Assert.Contains($"{Model}-b", names);
        Assert.Equal(names.Distinct().Order(StringComparer.Ordinal), names);
    }

    [Fact]
    public async Task A_model_whose_only_worker_drains_is_unavailable()
    {
        await AttachAsync(out var id);
        await Cluster.Workers.DrainAsync(id, Cancellation);

        Assert.Equal(
            new SubmitResult.Refused(
                RefusalReason.Unavailable, $"No worker is ready for model '{Model}': it is loading or stopping, try again."),
            await RefuseAsync(Model));
    }

    [Fact]
    public async Task A_worker_whose_engine_has_failed_gets_nothing_and_the_refusal_says_why()
    {
        var engine = await AttachAsync(out var id);
        engine.Failure = "The engine is stuck.";
        await InTime(WaitAsync());
        var worker = Assert.Single(await Cluster.Fleet.GetWorkersAsync(Cancellation), worker => worker.Id == id);

        Assert.Equal((WorkerPhase.Failed, "The engine is stuck."), (worker.Phase, worker.Failure));
        Assert.Equal(
            new SubmitResult.Refused(RefusalReason.Unavailable, $"No worker is ready for model '{Model}'. {id}: The engine is stuck."),
            await RefuseAsync(Model));
        Assert.Empty(engine.Attempts);
    }

    private async Task WaitAsync()
    {
        while ((await Cluster.Fleet.GetWorkersAsync(Cancellation)).All(worker => worker.Model != Model || worker.Failure is null))
        {
            await Task.Delay(TimeSpan.FromMilliseconds(5), Cancellation);
        }
    }

    private async Task<SubmitResult.Refused> RefuseAsync(string model) =>
        Assert.IsType<SubmitResult.Refused>(await Cluster.Generator.SubmitAsync(Request() with { Model = model }, Cancellation));
}
