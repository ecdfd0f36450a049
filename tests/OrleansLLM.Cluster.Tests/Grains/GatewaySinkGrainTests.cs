namespace OrleansLLM.Cluster.Tests;

[Collection(nameof(SplitCluster))]
public sealed class GatewaySinkGrainTests(SplitCluster cluster) : GrainTest(cluster)
{
    [Fact]
    public async Task Sequences_that_the_gateway_does_not_know_are_ended_where_their_tokens_came_from()
    {
        var engine = await AttachAsync();
        var ids = await SubmitAsync(samples: 3);
        Cluster.Logs.Remove(ids[..2]);
        engine.Publish(3, 50, ids);
        await InTime(Task.WhenAll(engine.Ended(ids[0]), engine.Ended(ids[1])));

        Assert.False(engine.Ended(ids[2]).IsCompleted);
        Assert.Equal(4, Cluster.Logs.Describe(ids[2])!.Tokens);
    }

    [Fact]
    public async Task Tokens_behind_an_end_are_dropped_and_their_computation_ends()
    {
        var engine = await AttachAsync();
        var ids = await SubmitAsync(samples: 2);
        Cluster.Logs.End(ids[0], new SequenceEnd(FinishReason.Cancelled));
        engine.Publish(3, 50, ids);
        await InTime(engine.Ended(ids[0]));

        Assert.False(engine.Ended(ids[1]).IsCompleted);
        Assert.Equal(3, Cluster.Logs.Describe(ids[0])!.Tokens);
    }
}
