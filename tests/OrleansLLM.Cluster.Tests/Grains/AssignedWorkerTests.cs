namespace OrleansLLM.Cluster.Tests;

[Collection(nameof(SplitCluster))]
public sealed class AssignedWorkerTests(SplitCluster cluster) : GrainTest(cluster)
{
    [Fact]
    public async Task A_worker_that_fails_a_submission_is_named_in_the_refusal()
    {
        var engine = await AttachAsync(out var worker);
        engine.BeforeAnswer = () => throw new InvalidOperationException("It broke.");
        var request = Request();

        Assert.Equal(
            new SubmitResult.Refused(RefusalReason.Unavailable, $"Worker {worker} can't be reached."),
            await Cluster.Generator.SubmitAsync(request, Cancellation));
        Assert.Null(Cluster.Logs.Find(request.Id));
    }

    [Fact]
    public async Task A_worker_that_fails_once_is_given_up_and_what_ran_on_it_ends_with_its_message()
    {
        var engine = await AttachAsync(out var worker);
        var ids = await SubmitAsync(samples: 2);
        var asked = 0;
        engine.BeforeAnswer = () =>
        {
            asked++;
            throw new InvalidOperationException("It broke.");
        };
        var grain = Cluster.Grains.GetGrain<ISequenceGrain>(ids[0].Request.ToString());
        var change = new ChangeMessage(ids[0], JournalFormat.WriteChange(new SequenceChange(Priority: 1)));

        Assert.False(await grain.Change(change));
        Assert.False(await grain.Change(change));
        Assert.Equal(1, asked);
        Assert.All(ids, id => Assert.Equal(
            new SequenceEnd(FinishReason.Failed, Message: $"Worker {worker} can't be reached: It broke."), Cluster.Logs.Describe(id)!.End));
    }

    [Fact]
    public async Task An_end_mark_is_set_though_the_worker_is_gone()
    {
        var engine = await AttachAsync();
        var ids = await SubmitAsync();
        engine.BeforeAnswer = () => throw new InvalidOperationException("It broke.");
        await Cluster.Generator.ChangeAsync(ids[0], new SequenceChange(Priority: 1), Cancellation);

        Assert.True(await Cluster.Generator.FinishAsync(ids[0], 3, FinishReason.Stop, Cancellation));
    }

    [Fact]
    public async Task Answers_of_one_request_run_on_the_same_worker()
    {
        var first = await AttachAsync();
        var second = await AttachAsync();
        var ids = await SubmitAsync();
        var engine = first.Attempts.IsEmpty ? second : first;
        await EndAsync(engine, ids, 3);
        for (var forks = 1; forks <= 3; forks++)
        {
            await Cluster.Generator.ForkAsync(ids[0], 3, 1, Cancellation);
            Assert.Equal(1 + forks, engine.Attempts.Count);
        }
    }
}
