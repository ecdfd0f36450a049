namespace OrleansLLM.Cluster.Tests;

[Collection(nameof(SplitCluster))]
public sealed class SequenceGrainTests(SplitCluster cluster) : GrainTest(cluster)
{
    private static readonly SequenceChange Change = new(MaxTokens: 5, Priority: 2);

    [Fact]
    public async Task A_request_submitted_twice_runs_once()
    {
        var engine = await AttachAsync();
        var request = Request() with { Samples = 2 };
        var first = Assert.IsType<SubmitResult.Accepted>(await Cluster.Generator.SubmitAsync(request, Cancellation));
        var second = Assert.IsType<SubmitResult.Accepted>(await Cluster.Generator.SubmitAsync(request, Cancellation));

        Assert.Equal(2, first.Sequences.Count);
        Assert.Equal(first.Sequences, second.Sequences);
        Assert.Single(engine.Attempts);
    }

    [Fact]
    public async Task A_request_submitted_again_while_it_waits_for_its_refusal_is_refused_too()
    {
        var engine = await AttachAsync();
        var held = new TaskCompletionSource();
        var arrived = new TaskCompletionSource();
        engine.Refusal = new SubmitResult.Refused(RefusalReason.QueueFull, "1024 requests wait.");
        engine.BeforeAnswer = () =>
        {
            arrived.SetResult();
            return held.Task;
        };
        var request = Request();
        var first = Cluster.Generator.SubmitAsync(request, Cancellation).AsTask();
        await InTime(arrived.Task);
        var second = Cluster.Generator.SubmitAsync(request, Cancellation).AsTask();
        held.SetResult();

        Assert.Equal([engine.Refusal, engine.Refusal], await Task.WhenAll(first, second));
    }

    [Fact]
    public async Task A_request_that_is_cancelled_on_its_way_is_aborted_when_it_has_arrived()
    {
        var engine = await AttachAsync(out var worker);
        var held = new TaskCompletionSource();
        var arrived = new TaskCompletionSource();
        engine.BeforeAnswer = () =>
        {
            arrived.SetResult();
            return held.Task;
        };
        var request = Request();
        var submission = Cluster.Generator.SubmitAsync(request, Cancellation).AsTask();
        await InTime(arrived.Task);
        var cancelling = GrainOf(request.Id).Cancel();

        // What the grain had sent to the worker by now would arrive before this answer.
        await GrainOf(request.Id).Describe(new SequenceId(request.Id, 0));
        await Cluster.Grains.GetGrain<IGpuWorkerGrain>(worker.ToString()).Abort([], new GatewayMessage(Cluster.GatewayName, Cluster.GatewayAddress.ToParsableString()));
        held.SetResult();
        await InTime(Task.WhenAll(submission, cancelling));
        Assert.Equal(0, engine.Load.Running);
    }

    [Fact]
    public async Task A_request_that_was_never_submitted_can_be_cancelled() =>
        await GrainOf(RequestId.Create()).Cancel();

    [Fact]
    public async Task A_fork_of_a_running_sequence_shares_its_blocks()
    {
        var engine = await AttachAsync();
        var ids = await SubmitAsync();
        var forked = Assert.IsType<SubmitResult.Accepted>(await Cluster.Generator.ForkAsync(ids[0], 2, 2, Cancellation));

        var fork = Assert.Single(engine.Forks);
        Assert.Equal((ids[0], 2), (fork.Parent, fork.At));
        Assert.Equal(forked.Sequences, fork.Children);
        Assert.Single(engine.Attempts);
    }

    [Fact]
    public async Task A_fork_that_is_refused_leaves_nothing()
    {
        var engine = await AttachAsync();
        var ids = await SubmitAsync();
        engine.Refusal = new SubmitResult.Refused(RefusalReason.QueueFull, "1024 requests wait.");

        Assert.Equal(engine.Refusal, await Cluster.Generator.ForkAsync(ids[0], 2, 2, Cancellation));
        Assert.Equal(ids, Cluster.Logs.Find(ids[0].Request)!);
    }

    [Fact]
    public async Task A_fork_behind_the_last_token_is_refused_with_the_bounds()
    {
        await AttachAsync();
        var ids = await SubmitAsync();

        Assert.Equal(
            new SubmitResult.Refused(RefusalReason.Invalid, $"A fork of {ids[0]} can begin at 1 to 3, not at 4."),
            await Cluster.Generator.ForkAsync(ids[0], 4, 1, Cancellation));
    }

    [Fact]
    public async Task A_change_that_the_engine_took_goes_with_the_next_attempt()
    {
        var engine = await AttachAsync();
        var ids = await SubmitAsync();
        engine.Publish(3, 50, ids);
        engine.ChangesHoldFrom = 7;
        Assert.Equal(7, await Cluster.Generator.ChangeAsync(ids[0], Change, Cancellation));
        Assert.Equal([new JournalChange(7, Change)], Cluster.Logs.JournalOf(ids[0])!.Changes);
        await EndAsync(engine, ids, 4);
        await Cluster.Generator.ForkAsync(ids[0], 4, 1, Cancellation);

        Assert.Equal([Change], engine.Changes);
        Assert.Equal([Change], Assert.Single(engine.Attempts.Last().Sequences).Changes.Select(change => change.Change));
    }

    [Fact]
    public async Task A_change_that_the_engine_did_not_take_is_not_noted()
    {
        var engine = await AttachAsync();
        var ids = await SubmitAsync();
        await engine.AbortAsync(engine.IdOf(ids[0]), Cancellation);

        Assert.Null(await Cluster.Generator.ChangeAsync(ids[0], Change, Cancellation));
        Assert.Empty(Cluster.Logs.JournalOf(ids[0])!.Changes);
    }

    [Fact]
    public async Task An_end_mark_that_is_set_ends_the_sequence_in_its_engine()
    {
        var engine = await AttachAsync();
        var ids = await SubmitAsync();

        Assert.False(await Cluster.Generator.FinishAsync(ids[0], 2, FinishReason.Stop, Cancellation));
        Assert.False(engine.Ended(ids[0]).IsCompleted);
        Assert.True(await Cluster.Generator.FinishAsync(ids[0], 3, FinishReason.Stop, Cancellation));
        Assert.True(engine.Ended(ids[0]).IsCompleted);
    }

    [Fact]
    public async Task What_the_engine_does_not_hold_is_described_as_the_gateway_knows_it()
    {
        var engine = await AttachAsync();
        var ids = await SubmitAsync(samples: 2);
        await engine.AbortAsync(engine.IdOf(ids[0]), Cancellation);
        engine.Publish(3, 2, ids[1..]);
        await EndAsync(engine, ids[1..], 4);

        foreach (var id in ids)
        {
            Assert.Equal(Cluster.Logs.Describe(id), await Cluster.Generator.DescribeAsync(id, Cancellation));
        }
    }

    [Fact]
    public async Task An_ended_sequence_is_not_asked_for_in_its_engine()
    {
        await AttachAsync();
        var ids = await SubmitAsync();
        Cluster.Logs.End(ids[0], new SequenceEnd(FinishReason.Cancelled));

        Assert.Equal(SequencePhase.Ended, (await Cluster.Generator.DescribeAsync(ids[0], Cancellation))?.Phase);
    }

    [Fact]
    public async Task A_request_whose_logs_are_forgotten_gives_its_grain_back()
    {
        var engine = await AttachAsync();
        var ids = await SubmitAsync();
        await EndAsync(engine, ids, 3);
        Assert.NotNull(await SiloOfAsync(ids[0]));
        Cluster.Logs.Remove(ids);

        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (await SiloOfAsync(ids[0]) is not null)
        {
            patience.Token.ThrowIfCancellationRequested();
        }
    }

    private ISequenceGrain GrainOf(RequestId request) => Cluster.Grains.GetGrain<ISequenceGrain>(request.ToString());

    private async Task<SiloAddress?> SiloOfAsync(SequenceId sequence) =>
        await Cluster.Grains.GetGrain<IManagementGrain>(0).GetActivationAddress(GrainOf(sequence.Request));
}
