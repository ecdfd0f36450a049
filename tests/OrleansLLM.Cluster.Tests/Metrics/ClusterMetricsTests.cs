using OrleansLLM.Sequences;

namespace OrleansLLM.Cluster.Tests;

/// <summary>What a gateway counts of workers that are lost; each test has a model of its own.</summary>
[Collection(nameof(SplitCluster))]
public sealed class ClusterMetricsTests : GrainTest, IDisposable
{
    private readonly MeterReadings _readings;

    public ClusterMetricsTests(SplitCluster cluster)
        : base(cluster)
    {
        _readings = new MeterReadings(Model);
    }

    public void Dispose() => _readings.Dispose();

    [Theory]
    [InlineData(FinishReason.Failed, "failed")]
    [InlineData(FinishReason.ShutDown, "drained")]
    public async Task Attempts_count_by_sequence_with_the_worker_and_the_cause(FinishReason reason, string cause)
    {
        var (engine, other, ids) = await RunAsync(samples: 2);
        Assert.Equal(Counts(("first", 2)), _readings.Causes("orleansllm.attempts", IdOf(engine)));
        GiveUp(engine, ids, 3, reason);
        await Until(() => !other.Attempts.IsEmpty);
        Assert.Equal(Counts((cause, 2)), _readings.Causes("orleansllm.attempts", IdOf(other)));
        await EndAsync(other, ids, 3);
        Assert.Equal(Counts(("first", 2)), _readings.Causes("orleansllm.attempts", IdOf(engine)));
    }

    [Fact]
    public async Task What_hung_and_what_was_forgotten_are_causes_of_their_own()
    {
        var (engine, other, ids) = await RunAsync();
        await engine.AbortAsync(engine.IdOf(ids[0]), Cancellation);
        await Until(() => engine.Attempts.Count + other.Attempts.Count == 2);
        var (holder, next) = other.Attempts.IsEmpty ? (engine, other) : (other, engine);
        var before = next.Attempts.Count;
        holder.Hangs = true;
        await Until(() => next.Attempts.Count > before);
        holder.Hangs = false;
        await EndAsync(next, ids, 3);

        Assert.Equal(1, _readings.Sum("orleansllm.attempts", IdOf(holder), "forgotten"));
        Assert.Equal(1, _readings.Sum("orleansllm.attempts", IdOf(next), "hung"));
    }

    [Fact]
    public async Task A_worker_that_gets_what_another_one_refused_counts_so()
    {
        var (engine, other, ids) = await RunAsync();
        other.Refusal = new SubmitResult.Refused(RefusalReason.QueueFull, "Full.");
        var second = await SubmitAsync();

        Assert.Equal(Counts(("first", 1)), _readings.Causes("orleansllm.attempts", IdOf(other)));
        Assert.Equal(Counts(("first", 1), ("refused", 1)), _readings.Causes("orleansllm.attempts", IdOf(engine)));
        await EndAsync(engine, [.. ids, .. second], 3);
    }

    [Fact]
    public async Task The_pause_until_another_worker_goes_on_is_measured_at_each_log_once()
    {
        var (engine, other, ids) = await RunAsync(samples: 2);
        engine.Publish(3, 50, ids);
        engine.Publish(4, 51, ids);
        GiveUp(engine, ids, 5);
        await Until(() => !other.Attempts.IsEmpty);
        other.Publish(5, 52, ids);
        other.Publish(6, 53, ids);
        await EndAsync(other, ids, 7);

        Assert.Equal((0, 2), (_readings.Count("orleansllm.reader_gap_seconds", IdOf(engine)), _readings.Count("orleansllm.reader_gap_seconds", IdOf(other))));
        Assert.InRange(_readings.Sum("orleansllm.reader_gap_seconds", IdOf(other))!.Value, double.Epsilon, 30);
    }

    [Fact]
    public async Task Before_the_first_token_there_is_no_pause()
    {
        var (engine, other, ids) = await RunAsync();
        GiveUp(engine, ids, 3);
        await Until(() => !other.Attempts.IsEmpty);
        other.Publish(3, 50, ids);
        await EndAsync(other, ids, 4);

        Assert.Equal(0, _readings.Count("orleansllm.reader_gap_seconds", IdOf(other)));
    }

    [Fact]
    public async Task A_request_under_which_two_workers_stopped_is_poison_once()
    {
        var (engine, other, ids) = await RunAsync(samples: 3);
        engine.Publish(3, 50, ids);
        GiveUp(engine, ids, 4);
        await Until(() => !other.Attempts.IsEmpty);
        GiveUp(other, ids, 4);
        Assert.All(await Task.WhenAll(ids.Select(ReadAsync)), answer => Assert.Equal(FinishReason.Poisoned, answer.End!.Reason));

        Assert.Equal((0, 1), (_readings.Sum("orleansllm.poisoned_requests", IdOf(engine)) ?? 0, _readings.Sum("orleansllm.poisoned_requests", IdOf(other)) ?? 0));
    }

    [Fact]
    public async Task An_attempt_that_nobody_waits_for_counts_once_with_the_reason()
    {
        var (engine, other, ids) = await RunAsync(samples: 3);
        Cluster.Logs.Remove([ids[0]]);
        Cluster.Logs.End(ids[1], new SequenceEnd(FinishReason.Cancelled));
        engine.BeforeAbort = () => throw new InvalidOperationException("It does not hear.");
        engine.Publish(3, 50, ids[..2]);
        engine.Publish(4, 51, ids[..2]);
        GiveUp(engine, [ids[2]], 3);
        await Until(() => !other.Attempts.IsEmpty);
        engine.Publish(3, 50, ids[2]);
        engine.Publish(4, 51, ids[2]);
        await Until(() => _readings.Causes("orleansllm.orphans", IdOf(engine)).Count == 3);
        engine.Publish(5, 52, ids);
        engine.BeforeAbort = () => Task.CompletedTask;
        engine.Publish(6, 53, ids);
        await InTime(Task.WhenAll(ids.Select(engine.Ended)));
        await EndAsync(other, [ids[2]], 3);

        Assert.Equal(Counts(("unknown", 1), ("ended", 1), ("older", 1)), _readings.Causes("orleansllm.orphans", IdOf(engine)));
        Assert.Empty(_readings.Causes("orleansllm.orphans", IdOf(other)));
    }

    [Fact]
    public async Task A_worker_has_its_age_and_counters_that_begin_at_zero()
    {
        await AttachAsync(out var worker);
        await Until(() => _readings.Sum("orleansllm.poisoned_requests", worker) is not null);
        _readings.Observe();

        Assert.InRange(_readings.Sum("orleansllm.worker_report_age_seconds", worker)!.Value, 0, 30);
        Assert.All(
            new[] { "first", "died", "hung", "failed", "drained", "forgotten", "refused" }, cause => Assert.Equal(0, _readings.Sum("orleansllm.attempts", worker, cause)));
        Assert.All(new[] { "older", "ended", "unknown", "not_chosen" }, cause => Assert.Equal(0, _readings.Sum("orleansllm.orphans", worker, cause)));
        Assert.Equal((0, 0), (_readings.Sum("orleansllm.adoptions", worker), _readings.Sum("orleansllm.poisoned_requests", worker)));
    }

    private async Task<(ManualEngine Engine, ManualEngine Other, SequenceId[] Ids)> RunAsync(int samples = 1)
    {
        var (first, second) = (await AttachAsync(), await AttachAsync());
        var ids = await SubmitAsync(samples);
        return first.Attempts.IsEmpty ? (second, first, ids) : (first, second, ids);
    }

    private static void GiveUp(ManualEngine engine, SequenceId[] ids, int position, FinishReason reason = FinishReason.Failed) =>
        engine.Publish(ids, id => new StepEntry(id, engine.EpochOf(id), position, null, null, null, 0, new SequenceEnd(reason, Message: "It broke.")));

    private static Dictionary<string, double> Counts(params (string Cause, double Count)[] counts) => counts.ToDictionary(count => count.Cause, count => count.Count);
}
