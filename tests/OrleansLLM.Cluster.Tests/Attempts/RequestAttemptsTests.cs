using OrleansLLM.Sequences;

namespace OrleansLLM.Cluster.Tests;

/// <summary>One gateway's silo and one worker's with two engines: every loss that does not need a dead silo.</summary>
[Collection(nameof(SplitCluster))]
public sealed class RequestAttemptsTests(SplitCluster cluster) : GrainTest(cluster)
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

    [Theory]
    [InlineData(RefusalReason.QueueFull)]
    [InlineData(RefusalReason.Unavailable)]
    public async Task A_request_that_one_worker_can_not_take_goes_to_another(RefusalReason reason)
    {
        var (first, second) = (await AttachAsync(), await AttachAsync());
        first.Refusal = new SubmitResult.Refused(reason, "Not here.", TimeSpan.FromSeconds(3));
        await SubmitAsync();
        await SubmitAsync();

        Assert.Equal((0, 2), (first.Attempts.Count, second.Attempts.Count));
        second.Refusal = first.Refusal;
        Assert.Equal(first.Refusal, await Cluster.Generator.SubmitAsync(Request(), Cancellation));
    }

    [Fact]
    public async Task A_request_that_no_worker_can_take_is_refused_by_the_first()
    {
        var (first, second) = (await AttachAsync(), await AttachAsync());
        var asked = 0;
        first.BeforeAnswer = second.BeforeAnswer = () => Task.FromResult(Interlocked.Increment(ref asked));
        first.Refusal = second.Refusal = new SubmitResult.Refused(RefusalReason.Invalid, "Nonsense.");

        Assert.Equal(first.Refusal, await Cluster.Generator.SubmitAsync(Request(), Cancellation));
        Assert.Equal(1, asked);
    }

    [Fact]
    public async Task A_submission_that_was_not_answered_does_not_compute_for_nobody()
    {
        var engine = await AttachAsync();
        engine.AfterSubmission = () => throw new TimeoutException("The answer was lost.");
        var request = Request();

        Assert.IsType<SubmitResult.Refused>(await Cluster.Generator.SubmitAsync(request, Cancellation));
        await InTime(engine.Ended(new SequenceId(request.Id, 0)));
    }

    [Fact]
    public async Task A_call_that_fails_ends_nothing_and_the_worker_is_asked_again()
    {
        var engine = await AttachAsync();
        var ids = await SubmitAsync(samples: 2);
        engine.BeforeAnswer = () => throw new InvalidOperationException("It broke.");
        Assert.Null(await Cluster.Generator.ChangeAsync(ids[0], new SequenceChange(Priority: 1), Cancellation));
        engine.BeforeDescription = () => throw new InvalidOperationException("It broke.");
        Assert.Equal(SequencePhase.Running, (await Cluster.Generator.DescribeAsync(ids[0], Cancellation))!.Phase);
        Assert.All(ids, id => Assert.Null(Cluster.Logs.Describe(id)!.End));

        engine.BeforeAnswer = () => Task.CompletedTask;
        Assert.NotNull(await Cluster.Generator.ChangeAsync(ids[0], new SequenceChange(Priority: 1), Cancellation));
        await EndAsync(engine, ids, 3);
    }

    [Fact]
    public async Task An_end_is_told_again_until_the_worker_has_heard_it()
    {
        var engine = await AttachAsync();
        var ids = await SubmitAsync(samples: 2);
        var tries = 0;
        engine.BeforeAbort = () => ++tries > 2 ? Task.CompletedTask : throw new InvalidOperationException("It broke.");
        await Cluster.Generator.CancelAsync(ids[0].Request, Cancellation);
        Assert.All(ids, id => Assert.Equal(FinishReason.Cancelled, Cluster.Logs.Describe(id)!.End!.Reason));
        await InTime(Task.WhenAll(ids.Select(engine.Ended)));
    }

    [Fact]
    public async Task An_end_mark_is_set_though_the_worker_does_not_answer()
    {
        var engine = await AttachAsync();
        var ids = await SubmitAsync();
        engine.BeforeAbort = () => throw new InvalidOperationException("It broke.");

        Assert.True(await Cluster.Generator.FinishAsync(ids[0], 3, FinishReason.Stop, Cancellation));
        engine.BeforeAbort = () => Task.CompletedTask;
        await InTime(engine.Ended(ids[0]));
    }

    [Theory]
    [InlineData(FinishReason.Failed)]
    [InlineData(FinishReason.ShutDown)]
    public async Task What_a_worker_gives_up_goes_on_on_another_behind_the_tokens_that_were_shown(FinishReason reason)
    {
        var (engine, other, ids) = await RunAsync(samples: 2);
        engine.Publish(3, 50, ids);
        GiveUp(engine, ids, 4, reason);
        await Until(() => other.Attempts.Sum(attempt => attempt.Sequences.Count) == 2);

        Assert.All(other.Attempts.SelectMany(attempt => attempt.Sequences), sequence => Assert.Equal([50], sequence.Output.ToArray()));
        Assert.All(ids, id => Assert.True(other.EpochOf(id) > engine.EpochOf(id)));
        Assert.Single(other.Attempts);
        other.Publish(4, 51, ids);
        await EndAsync(other, ids, 5);
        Assert.All(await Task.WhenAll(ids.Select(ReadAsync)), answer => Assert.Equal([50, 51, 7], answer.Ids));
    }

    [Fact]
    public async Task What_goes_on_at_an_engine_of_another_fingerprint_says_so_from_its_first_token_on()
    {
        var engine = await AttachAsync("a");
        var ids = await SubmitAsync();
        var other = await AttachAsync("b");
        engine.Publish(3, 50, ids);
        GiveUp(engine, ids, 4);
        await Until(() => !other.Attempts.IsEmpty);
        other.Publish(4, 51, ids);
        await EndAsync(other, ids, 5);

        var read = new List<string>();
        await foreach (var range in Cluster.Generator.ReadAsync(ids[0], 3, Cancellation))
        {
            read.Add($"{range.Fingerprint} {string.Join(' ', range.Ids.ToArray())}");
        }

        Assert.Equal(["a 50", "b 51 7"], read);
    }

    [Fact]
    public async Task Of_two_engines_the_one_with_an_equal_fingerprint_goes_on()
    {
        var (engine, busy, ids) = await RunAsync();
        var other = await AttachAsync("other");
        for (var more = 0; more < 4 || busy.Attempts.IsEmpty; more++)
        {
            await SubmitAsync();
        }

        var before = busy.Attempts.Count;
        GiveUp(engine, ids, 3);
        await Until(() => busy.Attempts.Count > before);
        Assert.DoesNotContain(other.Attempts, attempt => attempt.Request.Id == ids[0].Request);
        await EndAsync(busy, ids, 3);
    }

    [Fact]
    public async Task A_late_token_of_the_attempt_before_is_dropped()
    {
        var (engine, other, ids) = await RunAsync();
        GiveUp(engine, ids, 3);
        await Until(() => !other.Attempts.IsEmpty);
        engine.Publish(3, 66, ids);
        other.Publish(3, 50, ids);
        await EndAsync(other, ids, 4);

        Assert.Equal([50, 7], (await ReadAsync(ids[0])).Ids);
    }

    [Fact]
    public async Task Changes_go_with_the_next_attempt_and_later_ones_to_it()
    {
        var (engine, other, ids) = await RunAsync();
        engine.ChangesHoldFrom = 4;
        Assert.Equal(4, await Cluster.Generator.ChangeAsync(ids[0], new SequenceChange(Priority: 1), Cancellation));
        GiveUp(engine, ids, 3);
        await Until(() => !other.Attempts.IsEmpty);
        Assert.Equal([new JournalChange(4, new SequenceChange(Priority: 1))], Assert.Single(other.Attempts).Sequences[0].Changes);
        Assert.NotNull(await Cluster.Generator.ChangeAsync(ids[0], new SequenceChange(Priority: 2), Cancellation));

        Assert.Equal([new SequenceChange(Priority: 1)], engine.Changes);
        Assert.Equal([new SequenceChange(Priority: 2)], other.Changes);
        await EndAsync(other, ids, 3);
    }

    [Fact]
    public async Task Two_workers_that_fail_under_a_request_without_a_token_between_end_it()
    {
        var (engine, other, ids) = await RunAsync();
        engine.Publish(3, 50, ids);
        GiveUp(engine, ids, 4);
        await Until(() => !other.Attempts.IsEmpty);
        GiveUp(other, ids, 4);

        var (tokens, end) = await ReadAsync(ids[0]).WaitAsync(TimeSpan.FromSeconds(30), Cancellation);
        Assert.Equal([50], tokens);
        Assert.StartsWith("Two workers in turn stopped under this request", end!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_token_between_two_failures_saves_a_request()
    {
        var (engine, other, ids) = await RunAsync();
        GiveUp(engine, ids, 3);
        await Until(() => !other.Attempts.IsEmpty);
        other.Publish(3, 50, ids);
        GiveUp(other, ids, 4);
        await Until(() => engine.Attempts.Count == 2);
        engine.Publish(4, 51, ids);
        await EndAsync(engine, ids, 5);

        Assert.Equal([50, 51, 7], (await ReadAsync(ids[0])).Ids);
    }

    [Fact]
    public async Task One_request_at_a_time_under_which_a_worker_was_lost_is_given_to_another_until_its_next_token()
    {
        var (engine, other, first) = await RunAsync();
        other.Refusal = new SubmitResult.Refused(RefusalReason.QueueFull, "Full.");
        var second = await SubmitAsync();
        other.Refusal = null;
        SequenceId[] ids = [.. first, .. second];
        GiveUp(engine, ids, 3);
        await Until(() => other.Attempts.Count == 1);
        var running = other.Attempts.First().Sequences[0].Id;
        Assert.False(await Cluster.Grains.GetGrain<IGpuWorkerGrain>(WorkerOf(other)).TakeSeat(new SequenceId(RequestId.Create(), 0)));
        Assert.Single(other.Attempts);
        other.Publish(3, 50, running);
        await Until(() => other.Attempts.Count == 2);
        await EndAsync(other, [running], 4);
        await EndAsync(other, [ids.Single(id => id != running)], 3);
    }

    [Fact]
    public async Task What_a_draining_worker_computes_moves_and_goes_on_there_until_it_has()
    {
        var (engine, other, ids) = await RunAsync(samples: 2);
        other.Refusal = new SubmitResult.Refused(RefusalReason.Unavailable, "Not yet.");
        await Cluster.Workers.DrainAsync(IdOf(engine), Cancellation);
        engine.Publish(3, 50, ids);
        await Until(() => ids.All(id => Cluster.Logs.Describe(id)!.Tokens == 4));
        other.Refusal = null;
        await Until(() => !other.Attempts.IsEmpty);

        Assert.Equal(2, Assert.Single(other.Attempts).Sequences.Count);
        await InTime(Task.WhenAll(ids.Select(engine.Ended)));
        await EndAsync(other, ids, 4);
        Assert.Equal([50, 7], (await ReadAsync(ids[1])).Ids);
    }

    [Fact]
    public async Task A_worker_is_drained_through_any_gateway_by_its_id_and_again()
    {
        var (engine, other, ids) = await RunAsync();
        var drained = await DrainAsync(IdOf(engine).ToString());
        Assert.Equal((IdOf(engine), WorkerPhase.Draining), (drained.Id, drained.Phase));
        await Until(() => !other.Attempts.IsEmpty);
        await InTime(engine.Ended(ids[0]));
        Assert.True(Cluster.Workers.DrainAsked.IsCompleted);
        Assert.Equal(drained.Incarnation, (await DrainAsync(IdOf(engine).ToString())).Incarnation);
        await SubmitAsync();
        Assert.Equal((1, 2), (engine.Attempts.Count, other.Attempts.Count));
        await EndAsync(other, ids, 3);

        async Task<WorkerDescription> DrainAsync(string worker) => Assert.IsType<DrainResult.Begun>(await Cluster.Fleet.DrainAsync(worker, Cancellation)).Worker;
    }

    [Fact]
    public async Task Who_is_no_worker_or_does_not_answer_is_not_drained()
    {
        await AttachAsync(out var worker);
        Assert.IsType<DrainResult.Unknown>(await Cluster.Fleet.DrainAsync("nobody/0", Cancellation));
        Assert.IsType<DrainResult.Unknown>(await Cluster.Fleet.DrainAsync($"{worker}x", Cancellation));
        await Cluster.Workers.DetachAsync(worker);
        Assert.Equal(new DrainResult.Unanswered(worker), await Cluster.Fleet.DrainAsync(worker.ToString(), Cancellation));
    }

    [Fact]
    public async Task What_a_hung_worker_computes_moves_after_three_seconds_and_not_back()
    {
        var (engine, other, ids) = await RunAsync();
        engine.Publish(3, 50, ids);
        engine.Hangs = true;
        await Until(() => !other.Attempts.IsEmpty);
        engine.Hangs = false;
        Assert.Equal([50], Assert.Single(other.Attempts).Sequences[0].Output.ToArray());
        await InTime(engine.Ended(ids[0]));
        await EndAsync(other, ids, 4);
    }

    [Fact]
    public async Task What_a_worker_forgot_is_submitted_again()
    {
        var engine = await AttachAsync();
        var ids = await SubmitAsync();
        await engine.AbortAsync(engine.IdOf(ids[0]), Cancellation);
        await Until(() => engine.Attempts.Count == 2);
        await EndAsync(engine, ids, 3);
    }

    [Fact]
    public async Task A_fork_inside_the_prompt_goes_on_with_its_own_prompt()
    {
        var (engine, other, ids) = await RunAsync();
        var fork = Assert.Single(Assert.IsType<SubmitResult.Accepted>(await Cluster.Generator.ForkAsync(ids[0], 2, 1, Cancellation)).Sequences);
        GiveUp(engine, [ids[0]], 3);
        GiveUp(engine, [fork], 2);
        await Until(() => other.Attempts.Count == 2);

        Assert.Equal([2, 3], other.Attempts.Select(attempt => attempt.Request.PromptIds.Length).Order());
    }

    /// <summary>A request that the first of two engines runs.</summary>
    private async Task<(ManualEngine Engine, ManualEngine Other, SequenceId[] Ids)> RunAsync(int samples = 1)
    {
        var (first, second) = (await AttachAsync(), await AttachAsync());
        var ids = await SubmitAsync(samples);
        return first.Attempts.IsEmpty ? (second, first, ids) : (first, second, ids);
    }

    private string WorkerOf(ManualEngine engine) => IdOf(engine).ToString();

    private static void GiveUp(ManualEngine engine, SequenceId[] ids, int position, FinishReason reason = FinishReason.Failed) =>
        engine.Publish(ids, id => new StepEntry(id, engine.EpochOf(id), position, null, null, null, 0, new SequenceEnd(reason, Message: "It broke.")));
}
