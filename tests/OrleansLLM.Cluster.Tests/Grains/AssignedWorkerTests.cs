using Microsoft.Extensions.Time.Testing;

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
    public async Task What_ran_on_an_engine_that_was_taken_away_ends_with_the_workers_name()
    {
        var engine = await AttachAsync(out var worker);
        var id = (await SubmitAsync())[0];
        await Cluster.Workers.DetachAsync(worker);
        Assert.Empty(engine.Forks);
        var (_, end) = await ReadAsync(id).WaitAsync(TimeSpan.FromSeconds(30), Cancellation);
        Assert.Equal(new SequenceEnd(FinishReason.Failed, Message: $"Worker {worker} can't be reached: it has no engine any more."), end);
    }

    [Fact]
    public async Task A_worker_is_lost_when_it_was_silent_for_thirty_seconds_and_not_before()
    {
        var engine = await AttachAsync(out var id);
        var clock = new FakeTimeProvider();
        var request = Request();
        SequenceId[] ids = [new(request.Id, 0)];
        Cluster.Logs.Open(request, ids, 1);
        var journal = new SequenceJournal(Cluster.Logs, request.Id, Cluster.GatewayName);
        var worker = new AssignedWorker(Cluster.Grains, Cluster.Silos, journal, clock);
        Assert.Null((await worker.Attempt(ids, JournalMessage.From(Journal.Begin(request)))).Reason);
        clock.Advance(TimeSpan.FromSeconds(20));
        await worker.Watch();
        engine.BeforeFacts = () => throw new InvalidOperationException("It broke.");
        clock.Advance(TimeSpan.FromSeconds(30));
        await worker.Watch();
        Assert.Null(Cluster.Logs.Describe(ids[0])!.End);
        clock.Advance(TimeSpan.FromTicks(1));
        await worker.Watch();
        Assert.Equal(
            new SequenceEnd(FinishReason.Failed, Message: $"Worker {id} can't be reached: it has not answered for 30 s."),
            Cluster.Logs.Describe(ids[0])!.End);
        Assert.False(worker.IsNeeded);
        engine.BeforeFacts = () => { };
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
