using Microsoft.Extensions.Time.Testing;
using OrleansLLM.Sequences;

namespace OrleansLLM.Engine.Tests;

/// <summary>Attempts that come twice, late or anew, and what a full queue says to them.</summary>
public sealed class SubmissionTests
{
    private static readonly int[] Prompt = [1, 2, 3, 4, 5];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void An_attempt_that_is_here_already_or_overtaken_changes_nothing(int epoch)
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100), [0]);
        var request = CoreFixture.Request(Prompt, 8);
        var id = fixture.Submit(request, epoch: 2)[0];
        fixture.Step();
        fixture.Step();
        var running = fixture.Core.Find(id)!;
        Assert.Equal(SubmitVerdict.Taken, Submit(fixture, request, epoch).Verdict);
        Assert.Same(running, fixture.Core.Find(id));
        Assert.Equal(2, running.OutputLength);
        Assert.Single(fixture.Core.Sequences);
        fixture.RunToRest();
    }

    [Fact]
    public void A_later_attempt_takes_the_place_of_an_earlier_one_without_a_word()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100), [0]);
        var request = CoreFixture.Request(Prompt, 8);
        var id = fixture.Submit(request, epoch: 1)[0];
        fixture.Step();
        var output = fixture.Answers[id].Tokens[Prompt.Length..].ToArray();
        fixture.Submit(request, epoch: 2, output);
        Assert.Equal((2, 1), (fixture.Core.Find(id)!.Epoch.Attempt, fixture.Core.Sequences.Count));
        Assert.Null(fixture.Answers[id].End);
        fixture.RunToRest();
        Assert.Equal([.. Prompt, .. fixture.Model.Continue(Prompt, 8)], fixture.Answers[id].Tokens);
    }

    [Fact]
    public void A_full_queue_takes_what_another_worker_had_begun()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100) with { MaxSequences = 1, MaxWaitingRequests = 0 }, [0]);
        fixture.Submit(CoreFixture.Request([1], 3));
        Assert.Equal((SubmitVerdict.QueueFull, 1), Refusal(Submit(fixture, CoreFixture.Request([2], 3), 1)));
        var begun = fixture.Submit(CoreFixture.Request([3], 3), epoch: 2, fixture.Model.Continue([3], 1))[0];
        fixture.RunToRest();
        Assert.Equal(FinishReason.Length, fixture.Answers[begun].End!.Reason);
    }

    [Fact]
    public void A_full_queue_takes_what_was_accepted_before_and_runs_it_ahead_of_what_is_new()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100) with { MaxSequences = 1, MaxWaitingRequests = 1 }, [0]);
        fixture.Submit(CoreFixture.Request([1], 3));
        fixture.Step();
        var waiting = fixture.Submit(CoreFixture.Request([2], 3))[0];
        Assert.Equal(SubmitVerdict.QueueFull, Submit(fixture, CoreFixture.Request([3], 3), 1).Verdict);
        var again = fixture.Submit(CoreFixture.Request([4], 3), epoch: 2)[0];
        var urgent = fixture.Submit(CoreFixture.Request([5], 3) with { Priority = -1 })[0];
        while (fixture.Answers[again].End is null)
        {
            Assert.Empty(fixture.Answers[waiting].Tokens[1..]);
            fixture.Step();
        }

        Assert.NotNull(fixture.Answers[urgent].End);
        fixture.RunToRest();
    }

    [Theory]
    [InlineData(PrefixCaching.On)]
    [InlineData(PrefixCaching.Off)]
    public void Samples_that_go_on_together_compute_their_prompt_once(PrefixCaching caching)
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100) with { PrefixCaching = caching }, [0]);
        int[] prompt = [.. Enumerable.Range(1, 30)];
        var request = CoreFixture.Request(prompt, 8) with { Samples = 4 };
        int[][] outputs = [fixture.Model.Continue(prompt, 5), [], [7, 8, 9], fixture.Model.Continue(prompt, 2)];
        fixture.Submit(new Attempt(request, CoreFixture.Epoch(2), [.. Journal.Begin(request).Sequences.Select((sequence, k) => sequence with { Output = outputs[k] })]));
        fixture.RunToRest();

        // The prompt; the outputs that were there; and each token that was drawn, but for the last of an answer.
        Assert.Equal(30 + (5 + 0 + 3 + 2) + (2 + 7 + 4 + 5), fixture.Model.ComputedRows);
        Assert.Equal([.. prompt, .. fixture.Model.Continue(prompt, 8)], fixture.Answers[new SequenceId(request.Id, 0)].Tokens);
        Assert.All(fixture.Answers.Values, answer => Assert.Equal(38, answer.Tokens.Count));
    }

    [Fact]
    public void Of_samples_that_go_on_together_those_that_are_complete_end_at_once_and_whoever_leads_may_leave()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100), [0]);
        int[] prompt = [.. Enumerable.Range(1, 30)];
        var request = CoreFixture.Request(prompt, 4) with { Samples = 4 };
        int[][] outputs = [fixture.Model.Continue(prompt, 4), fixture.Model.Continue(prompt, 1), [7, 8, 9], fixture.Model.Continue(prompt, 2)];
        var ids = fixture.Submit(new Attempt(request, CoreFixture.Epoch(2), [.. Journal.Begin(request).Sequences.Select((sequence, k) => sequence with { Output = outputs[k] })]));
        fixture.Step();
        Assert.NotNull(fixture.Answers[ids[0]].End);
        fixture.Abort(ids[1]);
        fixture.RunToRest();
        Assert.Equal([.. prompt, .. fixture.Model.Continue(prompt, 4)], fixture.Answers[ids[3]].Tokens);
        Assert.Equal(34, fixture.Answers[ids[2]].Tokens.Count);
    }

    [Fact]
    public void The_queue_is_full_when_as_many_wait_as_are_allowed_beside_those_that_the_next_step_takes()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100) with { MaxSequences = 2, MaxWaitingRequests = 3 }, [0]);
        for (var i = 0; i < 5; i++)
        {
            fixture.Submit(CoreFixture.Request([i], 9));
        }

        Assert.Equal((SubmitVerdict.QueueFull, 5), Refusal(Submit(fixture, CoreFixture.Request([6], 9), 1)));
        fixture.Step();
        Assert.Equal((SubmitVerdict.QueueFull, 3), Refusal(Submit(fixture, CoreFixture.Request([6], 9), 1)));
    }

    [Fact]
    public void A_limit_of_time_ends_a_sequence_that_has_reached_it_and_no_other()
    {
        var time = new FakeTimeProvider();
        using var fixture = new CoreFixture(CoreFixture.Options(100), [0], time: time);
        var request = CoreFixture.Request(Prompt, 50);
        var short1 = fixture.Submit(request with { Timeout = TimeSpan.FromSeconds(3) })[0];
        var long1 = fixture.Submit(request with { Id = RequestId.Create(), Timeout = TimeSpan.FromSeconds(5) })[0];
        var free = fixture.Submit(request with { Id = RequestId.Create(), Timeout = TimeSpan.MaxValue })[0];
        time.Advance(TimeSpan.FromSeconds(3) - TimeSpan.FromTicks(1));
        fixture.Step();
        Assert.Null(fixture.Answers[short1].End);
        time.Advance(TimeSpan.FromTicks(1));
        fixture.Step();
        Assert.Equal(FinishReason.TimedOut, fixture.Answers[short1].End!.Reason);
        Assert.Equal(2, fixture.Core.Sequences.Count);
        time.Advance(TimeSpan.FromSeconds(2));
        fixture.Step();
        Assert.Equal(FinishReason.TimedOut, fixture.Answers[long1].End!.Reason);
        time.Advance(TimeSpan.FromDays(10_000));
        fixture.RunToRest();
        Assert.Equal(FinishReason.Length, fixture.Answers[free].End!.Reason);
    }

    [Fact]
    public void What_waits_longer_than_its_queue_limit_says_that_it_waited()
    {
        var time = new FakeTimeProvider();
        using var fixture = new CoreFixture(CoreFixture.Options(100) with { MaxSequences = 1 }, [0], time: time);
        fixture.Submit(CoreFixture.Request([1], 50));
        fixture.Step();
        var waiting = fixture.Submit(CoreFixture.Request([2], 3) with { QueueTimeout = TimeSpan.FromSeconds(2), Timeout = TimeSpan.FromSeconds(2) })[0];
        time.Advance(TimeSpan.FromSeconds(2));
        fixture.Step();
        Assert.Equal(FinishReason.QueueTimedOut, fixture.Answers[waiting].End!.Reason);
        Assert.Contains("waited longer", fixture.Answers[waiting].End!.Message, StringComparison.Ordinal);
        fixture.RunToRest();
    }

    private static SubmitOutcome Submit(CoreFixture fixture, GenerationRequest request, int epoch) =>
        fixture.Inbox.Submit(fixture.Core.Prepare(new Attempt(request, CoreFixture.Epoch(epoch), Journal.Begin(request).Sequences)), fixture);

    private static (SubmitVerdict Verdict, int Waiting) Refusal(SubmitOutcome outcome) => (outcome.Verdict, outcome.Waiting);
}
