using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Time.Testing;
using OrleansLLM.Sequences;

namespace OrleansLLM.Engine.Tests;

/// <summary>What wakes the loop, what a drain and a stop leave, and who counts as waiting.</summary>
public sealed class InboxPhaseTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Whatever_is_asked_wakes_the_loop_and_nothing_else_does()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100), [0]);
        var id = fixture.Submit(CoreFixture.Request([1], 9))[0];
        fixture.Step();
        var change = new SequenceChange(MaxTokens: 5);
        var view = fixture.Inbox.View(fixture.AttemptAt(id))!.Value;
        Action[] asks =
        [
            () => fixture.Inbox.Submit(fixture.Core.Prepare(AttemptAt(CoreFixture.Request([2], 3))), fixture),
            () => fixture.Inbox.TryFork(view, []),
            () => fixture.Inbox.Change(fixture.AttemptAt(id), change, fixture.Core.Prepare(change)),
            () => fixture.Inbox.Abort(fixture.AttemptAt(id)),
            () => fixture.Inbox.AskAsync(_ => 0, 0),
            () => fixture.Inbox.DrainAsync(),
            () => fixture.Inbox.Stop(),
        ];
        fixture.Inbox.Wait(TimeSpan.Zero);
        foreach (var ask in asks)
        {
            var waiting = Task.Run(() => fixture.Inbox.Wait(Timeout.InfiniteTimeSpan), Cancellation);
            Assert.NotSame(waiting, await Task.WhenAny(waiting, Task.Delay(20, Cancellation)));
            ask();
            await waiting.WaitAsync(Patience, Cancellation);
        }
    }

    [Fact]
    public async Task What_was_asked_before_the_loop_waits_is_not_waited_for()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100), [0]);
        fixture.Inbox.Submit(fixture.Core.Prepare(AttemptAt(CoreFixture.Request([2], 3))), fixture);
        await Task.Run(() => fixture.Inbox.Wait(Timeout.InfiniteTimeSpan), Cancellation).WaitAsync(Patience, Cancellation);
    }

    [Fact]
    public async Task Two_drains_are_one_and_complete_with_the_last_end()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100), [0]);
        fixture.Submit(CoreFixture.Request([1], 3));
        fixture.Step();
        var (first, second) = (fixture.Inbox.DrainAsync(), fixture.Inbox.DrainAsync());
        Assert.Same(first, second);
        Assert.Equal(LoopPhase.Draining, fixture.Inbox.Phase);
        Assert.False(first.IsCompleted);
        fixture.RunToRest();
        fixture.Step();
        await first.WaitAsync(Patience, Cancellation);
    }

    [Fact]
    public async Task A_stop_is_not_taken_back_by_a_drain_nor_a_failure_by_a_stop()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100), [0]);
        fixture.Inbox.Stop();
        _ = fixture.Inbox.DrainAsync();
        Assert.Equal(LoopPhase.Stopped, fixture.Inbox.Phase);
        fixture.Inbox.Close(LoopPhase.Failed);
        Assert.Equal(LoopPhase.Failed, fixture.Inbox.Phase);
        fixture.Inbox.Stop();
        fixture.Inbox.Close(LoopPhase.Stopped);
        Assert.Equal(LoopPhase.Failed, fixture.Inbox.Phase);
        await fixture.Inbox.DrainAsync().WaitAsync(Patience, Cancellation);
    }

    [Fact]
    public void A_drain_goes_on_with_forks_of_what_runs_and_takes_none_of_what_has_ended()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100), [0]);
        var (short1, long1) = (fixture.Submit(CoreFixture.Request([1], 1))[0], fixture.Submit(CoreFixture.Request([2], 9))[0]);
        fixture.BeginStep();
        var (ended, running) = (fixture.Inbox.View(fixture.AttemptAt(short1))!.Value, fixture.Inbox.View(fixture.AttemptAt(long1))!.Value);
        fixture.EndStep();
        _ = fixture.Inbox.DrainAsync();
        Assert.False(fixture.Inbox.TryFork(ended, []));
        var child = fixture.Fork(running, 1, 1);
        Assert.Equal([long1, child], fixture.Inbox.List(fixture).Select(held => held.Attempt.Sequence));
        Assert.Equal(SubmitVerdict.Unavailable, Submit(fixture, CoreFixture.Request([4], 3)).Verdict);
        fixture.RunToRest();
        Assert.NotNull(fixture.Answers[child].End);
    }

    [Fact]
    public void After_a_stop_nothing_is_forked()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100), [0]);
        var id = fixture.Submit(CoreFixture.Request([2], 9))[0];
        fixture.Step();
        var view = fixture.Inbox.View(fixture.AttemptAt(id))!.Value;
        fixture.Inbox.Stop();
        Assert.False(fixture.Inbox.TryFork(view, []));
    }

    [Fact]
    public async Task A_closed_inbox_answers_what_waited_for_an_answer_and_holds_nothing()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100), [0]);
        var id = fixture.Submit(CoreFixture.Request([2], 9))[0];
        var question = fixture.Inbox.AskAsync(_ => 3, otherwise: 7);
        var left = Assert.Single(fixture.Inbox.Close(LoopPhase.Stopped));
        Assert.Equal(7, await question.WaitAsync(Patience, Cancellation));
        Assert.True(left.Sequence.IsDropped);
        Assert.Equal(0, fixture.Inbox.Accepted);
        Assert.Null(fixture.Inbox.View(fixture.AttemptAt(id)));
        Assert.Empty(fixture.Inbox.Close(LoopPhase.Stopped));
        fixture.Inbox.Deliver(fixture.Core);
        Assert.Single(fixture.Core.Sequences);
    }

    [Fact]
    public void What_has_ended_is_accepted_no_longer_and_its_successor_still_is()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100), [0]);
        var request = CoreFixture.Request([1], 3);
        fixture.Submit(request);
        fixture.Submit(CoreFixture.Request([2], 3) with { Samples = 2 });
        Assert.Equal(3, fixture.Inbox.Accepted);
        fixture.Step();
        fixture.Submit(request, epoch: 2);
        fixture.Step();
        Assert.Equal(3, fixture.Inbox.Accepted);
        Assert.Equal(2, fixture.Core.Find(new SequenceId(request.Id, 0))!.Epoch.Attempt);
        Assert.NotNull(fixture.Inbox.View(fixture.AttemptAt(new SequenceId(request.Id, 0))));
        fixture.RunToRest();
        fixture.Step();
        Assert.Equal(0, fixture.Inbox.Accepted);
        Assert.Empty(fixture.Core.Ended);
    }

    [Fact]
    public void Seats_are_there_for_as_many_as_are_not_taken()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100) with { MaxSequences = 4 }, [0]);
        fixture.Submit(CoreFixture.Request([1], 3));
        Assert.Equal([true, true, false], new[] { 2, 3, 4 }.Select(fixture.Inbox.HasSeatsFor));
    }

    [Fact]
    public void An_end_of_what_runs_frees_no_place_of_those_that_wait()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100) with { MaxSequences = 1, MaxWaitingRequests = 1 }, [0]);
        var running = fixture.Submit(CoreFixture.Request([1], 9))[0];
        fixture.Step();
        var waiting = fixture.Submit(CoreFixture.Request([2], 9))[0];
        fixture.Inbox.Abort(fixture.AttemptAt(running));
        fixture.Answers[running].IsAborted = true;
        Assert.Equal(SubmitVerdict.QueueFull, Submit(fixture, CoreFixture.Request([3], 3)).Verdict);
        fixture.Abort(waiting);
        Assert.Equal(SubmitVerdict.Taken, Submit(fixture, CoreFixture.Request([3], 3)).Verdict);
    }

    [Fact]
    public void Who_is_refused_learns_how_long_a_place_took_to_become_free()
    {
        var time = new FakeTimeProvider();
        using var fixture = new CoreFixture(CoreFixture.Options(100) with { MaxSequences = 1, MaxWaitingRequests = 2 }, [0], time: time);
        for (var i = 0; i < 3; i++)
        {
            fixture.Submit(CoreFixture.Request([i], 2));
        }

        for (var step = 0; step < 3; step++)
        {
            fixture.Step();
            time.Advance(TimeSpan.FromSeconds(4));
        }

        fixture.Submit(CoreFixture.Request([7], 2));
        Assert.Equal(TimeSpan.FromSeconds(6), Submit(fixture, CoreFixture.Request([8], 2)).UntilNextPlace);
    }

    [Fact]
    public void What_was_changed_shows_before_the_core_knows_it()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100), [0]);
        var id = fixture.Submit(CoreFixture.Request([1], 9) with { Priority = 1 })[0];
        fixture.BeginStep();
        fixture.Change(id, new SequenceChange(Priority: 4));
        fixture.Change(id, new SequenceChange(MaxTokens: 3));
        var view = fixture.Inbox.View(fixture.AttemptAt(id))!.Value;
        Assert.Equal((4, 3), (view.Priority, view.MaxTokens));
        fixture.EndStep();
        fixture.RunToRest();
    }

    [Fact]
    public void An_end_that_no_step_tells_carries_what_was_cached_and_reaches_the_sinks_that_do_not_throw()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100), [0]);
        int[] prompt = [.. Enumerable.Range(1, 10)];
        fixture.Submit(CoreFixture.Request(prompt, 1));
        fixture.RunToRest();
        var cached = fixture.Submit(CoreFixture.Request(prompt, 9))[0];
        fixture.Step();
        var other = CoreFixture.Request([3], 3);
        fixture.Inbox.Submit(fixture.Core.Prepare(AttemptAt(other)), new ThrowingSink());
        var logger = new FakeLogger();
        Acceptance.End(fixture.Inbox.Close(LoopPhase.Failed), new SequenceEnd(FinishReason.Failed, Message: "a bug"), logger);
        Assert.Equal((8, "a bug"), (fixture.Answers[cached].CachedTokens, fixture.Answers[cached].End!.Message));
        Assert.Equal("It broke.", Assert.Single(logger.Collector.GetSnapshot()).Exception!.Message);
    }

    [Fact]
    public async Task What_follows_of_an_attempt_goes_to_the_sink_it_is_redirected_to_and_nothing_to_the_old_one()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100), [0]);
        var ids = fixture.Submit(CoreFixture.Request([1], 9) with { Samples = 2 });
        fixture.Step();
        var other = new KeepingSink();
        var redirected = fixture.Inbox.RedirectAsync(fixture.AttemptAt(ids[0]), other);
        Assert.False(await fixture.Inbox.RedirectAsync(new AttemptId(ids[1], CoreFixture.Epoch(2)), other));
        Assert.False(redirected.IsCompleted);
        var before = fixture.Answers[ids[0]].Tokens.Count;
        fixture.Step();
        Assert.True(await redirected);
        Assert.Equal(before, fixture.Answers[ids[0]].Tokens.Count);
        Assert.Equal([before], other.Positions);
        Assert.Equal([ids[0]], fixture.Inbox.List(other).Select(held => held.Attempt.Sequence));
        Assert.Equal([ids[1]], fixture.Inbox.List(fixture).Select(held => held.Attempt.Sequence));
        fixture.RunToRest();
        Assert.Equal(Enumerable.Range(before, 10 - before), other.Positions);
        Assert.False(await fixture.Inbox.RedirectAsync(fixture.AttemptAt(ids[0]), fixture));
    }

    private static Attempt AttemptAt(GenerationRequest request) => new(request, CoreFixture.Epoch(1), Journal.Begin(request).Sequences);

    private static SubmitOutcome Submit(CoreFixture fixture, GenerationRequest request) =>
        fixture.Inbox.Submit(fixture.Core.Prepare(AttemptAt(request)), fixture);

    private sealed class ThrowingSink : IStepSink
    {
        public void OnStep(StepBatch batch) => throw new InvalidOperationException("It broke.");
    }

    private sealed class KeepingSink : IStepSink
    {
        public List<int> Positions { get; } = [];

        public void OnStep(StepBatch batch) => Positions.AddRange(batch.Entries.Select(entry => entry.Position));
    }
}
