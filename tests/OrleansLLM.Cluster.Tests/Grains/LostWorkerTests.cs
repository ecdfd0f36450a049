namespace OrleansLLM.Cluster.Tests;

/// <summary>What ran on a silo that dies goes on on another one, with the tokens that were shown.</summary>
public sealed class LostWorkerTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Sequences_of_a_dead_worker_go_on_on_another_one_and_wait_for_one_where_there_is_none()
    {
        await using var cluster = new SplitCluster();
        await cluster.InitializeAsync();
        var dying = new ManualEngine("model");
        await cluster.Workers.AttachAsync(0, dying, Cancellation);
        var request = new GenerationRequest { Id = RequestId.Create(), Model = "model", PromptIds = new[] { 1, 2, 3 }, MaxTokens = 10, Samples = 2, Linger = TimeSpan.FromMinutes(1) };
        SequenceId[] ids = [.. Assert.IsType<SubmitResult.Accepted>(await cluster.Generator.SubmitAsync(request, Cancellation)).Sequences];
        var hasty = request with { Id = RequestId.Create(), Samples = 1, Timeout = TimeSpan.FromSeconds(1) };
        var late = Assert.IsType<SubmitResult.Accepted>(await cluster.Generator.SubmitAsync(hasty, Cancellation)).Sequences[0];
        dying.Publish(3, 50, ids);
        Assert.Equal("50", await ReadAsync(cluster, ids[1], count: 1));

        await cluster.KillWorkerAsync();
        Assert.Equal(FinishReason.TimedOut, (await EndOfAsync(cluster, late))!.Reason);
        Assert.Equal(
            RefusalReason.Unavailable,
            Assert.IsType<SubmitResult.Refused>(await cluster.Generator.SubmitAsync(request with { Id = RequestId.Create() }, Cancellation)).Reason);

        var next = new ManualEngine("model");
        await (await cluster.StartWorkerAsync()).AttachAsync(0, next, Cancellation);
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (next.Attempts.IsEmpty)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(5), patience.Token);
        }

        var attempt = Assert.Single(next.Attempts);
        Assert.Equal(2, attempt.Epoch.Attempt);
        Assert.All(attempt.Sequences, sequence => Assert.Equal([50], sequence.Output.ToArray()));
        next.Publish(4, 51, ids);
        Assert.Equal("50 51", await ReadAsync(cluster, ids[0], count: 2));
    }

    [Fact]
    public async Task A_request_that_two_workers_died_of_before_they_could_answer_is_not_given_to_a_third()
    {
        await using var cluster = new SplitCluster();
        await cluster.InitializeAsync();
        var never = new TaskCompletionSource();
        var (first, second) = (Dying(out var inFirst), Dying(out var inSecond));
        await cluster.Workers.AttachAsync(0, first, Cancellation);
        var request = new GenerationRequest { Id = RequestId.Create(), Model = "model", PromptIds = new[] { 1, 2, 3 }, MaxTokens = 10 };
        var submission = cluster.Generator.SubmitAsync(request, Cancellation);
        await inFirst.WaitAsync(Cancellation);
        await (await cluster.StartWorkerAsync()).AttachAsync(0, second, Cancellation);
        await cluster.KillWorkerAsync();
        await inSecond.WaitAsync(TimeSpan.FromSeconds(30), Cancellation);
        await cluster.KillWorkerAsync();

        var id = Assert.IsType<SubmitResult.Accepted>(await submission).Sequences[0];
        Assert.Equal(FinishReason.Poisoned, (await EndOfAsync(cluster, id))!.Reason);
        never.SetResult();

        ManualEngine Dying(out Task entered)
        {
            var source = new TaskCompletionSource();
            entered = source.Task;
            return new ManualEngine("model")
            {
                BeforeAnswer = () =>
                {
                    source.TrySetResult();
                    return never.Task;
                },
            };
        }
    }

    private static async Task<string> ReadAsync(SplitCluster cluster, SequenceId id, int count)
    {
        List<int> ids = [];
        await foreach (var range in cluster.Generator.ReadAsync(id, 3, Cancellation))
        {
            ids.AddRange(range.Ids.ToArray());
            if (ids.Count >= count)
            {
                break;
            }
        }

        return string.Join(' ', ids);
    }

    private static async Task<SequenceEnd?> EndOfAsync(SplitCluster cluster, SequenceId id)
    {
        await foreach (var range in cluster.Generator.ReadAsync(id, 3, Cancellation))
        {
            if (range.End is not null)
            {
                return range.End;
            }
        }

        return null;
    }
}
