using Microsoft.Extensions.Time.Testing;
using OrleansLLM.Sequences;

namespace OrleansLLM.Engine.Tests;

/// <summary>What is asked while a step runs is answered while it runs, and holds from where the answer says.</summary>
public sealed class InboxTests
{
    private static readonly int[] Prompt = [1, 2, 3, 4, 5];

    [Fact]
    public void A_change_holds_behind_the_token_that_a_running_step_draws()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100), [0]);
        var id = fixture.Submit(CoreFixture.Request(Prompt, 8))[0];
        fixture.Step();
        var tokens = fixture.Model.Continue(Prompt, 3);
        fixture.BeginStep();
        Assert.Equal(7, fixture.Change(id, Without(tokens[1])));
        Assert.Equal(6, fixture.Inbox.View(fixture.AttemptAt(id))!.Value.Count);
        fixture.EndStep();
        Assert.Equal(tokens[1], fixture.Answers[id].Tokens[6]);
        Assert.Equal(7, fixture.Change(id, Without(tokens[2])));
        fixture.Step();
        Assert.NotEqual(tokens[2], fixture.Answers[id].Tokens[7]);
        fixture.RunToRest();
    }

    [Fact]
    public void A_change_of_a_prompt_that_a_step_computes_in_part_holds_from_its_first_token()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100), [0]);
        int[] prompt = [.. Enumerable.Range(0, 20)];
        var id = fixture.Submit(CoreFixture.Request(prompt, 4))[0];
        fixture.BeginStep();
        Assert.Equal(20, fixture.Change(id, Without(fixture.Model.Continue(prompt, 1)[0])));
        fixture.EndStep();
        fixture.RunToRest();
    }

    [Fact]
    public void Samples_that_share_a_prompt_are_changed_behind_their_first_token_while_it_is_drawn()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100), [0]);
        var ids = fixture.Submit(CoreFixture.Request(Prompt, 6) with { Samples = 3 });
        fixture.BeginStep();
        Assert.All(ids, id => Assert.Equal(6, fixture.Change(id, Without(fixture.Model.Continue(Prompt, 2)[1]))));
        fixture.EndStep();
        fixture.RunToRest();
    }

    [Fact]
    public void What_is_changed_while_a_step_runs_goes_on_so_elsewhere()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100), [0]);
        var request = CoreFixture.Request(Prompt, 8);
        var id = fixture.Submit(request)[0];
        fixture.Step();
        var before = fixture.Answers[id].Tokens[5..].ToArray();
        fixture.BeginStep();
        var change = Without(fixture.Model.Continue(Prompt, 3)[1]) with { MaxTokens = 6, Priority = 4 };
        var position = fixture.Change(id, change)!.Value;
        fixture.EndStep();
        fixture.RunToRest();

        // The worker died in that step: its token never came, and the next one is the first that the change holds for.
        using var other = new CoreFixture(CoreFixture.Options(100), [0]);
        other.Submit(request, epoch: 2, before, new JournalChange(position, change));
        Assert.Equal(4, other.Core.Find(id)!.Priority);
        other.RunToRest();
        Assert.Equal(fixture.Answers[id].Tokens, other.Answers[id].Tokens);
        Assert.Equal(6, other.Answers[id].Tokens.Count - Prompt.Length);
    }

    [Fact]
    public void A_limit_that_is_raised_while_the_last_token_is_drawn_lets_the_sequence_go_on()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100), [0]);
        var id = fixture.Submit(CoreFixture.Request(Prompt, 2))[0];
        fixture.Step();
        fixture.BeginStep();
        Assert.Equal(7, fixture.Change(id, new SequenceChange(MaxTokens: 4)));
        fixture.EndStep();
        fixture.RunToRest();
        Assert.Equal(9, fixture.Answers[id].Tokens.Count);
        Assert.Null(fixture.Change(id, new SequenceChange(MaxTokens: 9)));
    }

    [Fact]
    public void An_aborted_sequence_publishes_nothing_more_not_even_of_the_running_step()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100), [0]);
        var id = fixture.Submit(CoreFixture.Request(Prompt, 8))[0];
        fixture.Step();
        fixture.BeginStep();
        fixture.Abort(id);
        Assert.Null(fixture.Inbox.View(fixture.AttemptAt(id)));
        Assert.Null(fixture.Change(id, new SequenceChange(MaxTokens: 3)));
        fixture.EndStep();
        Assert.Equal(6, fixture.Answers[id].Tokens.Count);
        fixture.RunToRest();
    }

    [Fact]
    public void A_late_word_about_an_older_attempt_never_touches_the_newer_one()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100), [0]);
        var request = CoreFixture.Request(Prompt, 8);
        var id = fixture.Submit(request, epoch: 1)[0];
        var older = fixture.AttemptAt(id);
        fixture.Submit(request, epoch: 2);
        var newer = fixture.AttemptAt(id);
        var change = new SequenceChange(MaxTokens: 2);
        Assert.Null(fixture.Inbox.View(older));
        Assert.Null(fixture.Inbox.Change(older, change, fixture.Core.Prepare(change)));
        fixture.Inbox.Abort(older);
        Assert.Equal([new HeldAttempt(newer, SequencePhase.Waiting)], fixture.Inbox.List(fixture));
        Assert.NotNull(fixture.Inbox.View(newer));
        fixture.RunToRest();
        Assert.Equal(Prompt.Length + 8, fixture.Answers[id].Tokens.Count);
    }

    [Fact]
    public void An_end_of_a_newer_attempt_ends_the_older_one_that_is_still_here()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100), [0]);
        var id = fixture.Submit(CoreFixture.Request(Prompt, 8), epoch: 1)[0];
        fixture.Step();
        Assert.Equal([new HeldAttempt(fixture.AttemptAt(id), SequencePhase.Running)], fixture.Inbox.List(fixture));
        fixture.Inbox.Abort(new AttemptId(id, CoreFixture.Epoch(2)));
        fixture.Answers[id].IsAborted = true;
        Assert.Empty(fixture.Inbox.List(fixture));
        fixture.RunToRest();
    }

    [Fact]
    public void An_attempt_takes_the_place_of_one_whose_step_runs()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100), [0]);
        var request = CoreFixture.Request(Prompt, 8);
        var id = fixture.Submit(request)[0];
        fixture.Step();
        fixture.BeginStep();
        fixture.Submit(request, epoch: 2);
        fixture.EndStep();
        Assert.Equal(5, fixture.Answers[id].Tokens.Count);
        fixture.RunToRest();
        Assert.Equal([.. Prompt, .. fixture.Model.Continue(Prompt, 8)], fixture.Answers[id].Tokens);
    }

    [Fact]
    public void A_fork_begins_changed_as_its_parent_was_asked_to_be()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100), [0]);
        var id = fixture.Submit(CoreFixture.Request(Prompt, 8))[0];
        fixture.Step();
        fixture.BeginStep();
        fixture.Change(id, Without(fixture.Model.Continue(Prompt, 2)[1]) with { MaxTokens = 5 });
        var child = fixture.Fork(fixture.Core.Find(id)!, 6, 1);
        fixture.EndStep();
        fixture.RunToRest();
        Assert.Equal(10, fixture.Answers[child].Tokens.Count);
        Assert.NotEqual(fixture.Answers[id].Tokens[6], fixture.Answers[child].Tokens[6]);
    }

    [Fact]
    public void The_queue_counts_what_arrives_while_a_step_runs_and_forgets_what_leaves()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100) with { MaxSequences = 1, MaxWaitingRequests = 2 }, [0]);
        fixture.Submit(CoreFixture.Request([1], 9));
        fixture.Step();
        fixture.BeginStep();
        var waiting = fixture.Submit(CoreFixture.Request([2], 3))[0];
        fixture.Submit(CoreFixture.Request([3], 3));
        Assert.Equal(SubmitVerdict.QueueFull, Submit(fixture, CoreFixture.Request([4], 3)));
        fixture.Abort(waiting);
        Assert.Equal(SubmitVerdict.Taken, Submit(fixture, CoreFixture.Request([4], 3)));
        Assert.Equal(SubmitVerdict.QueueFull, Submit(fixture, CoreFixture.Request([5], 3)));
    }

    [Fact]
    public void A_full_queue_still_takes_what_has_no_such_queue_before_it()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100) with { MaxSequences = 1, MaxWaitingRequests = 2 }, [0]);
        fixture.Submit(CoreFixture.Request([1], 9));
        fixture.Step();
        fixture.Submit(CoreFixture.Request([2], 3));
        var changed = fixture.Submit(CoreFixture.Request([3], 3))[0];
        Assert.Equal(SubmitVerdict.QueueFull, Submit(fixture, CoreFixture.Request([4], 3)));
        Assert.Equal(SubmitVerdict.QueueFull, Submit(fixture, CoreFixture.Request([4], 3) with { Priority = 1 }));
        fixture.BeginStep();
        Assert.Equal(SubmitVerdict.Taken, Submit(fixture, CoreFixture.Request([4], 3) with { Priority = -1 }));
        Assert.Equal(SubmitVerdict.Taken, Submit(fixture, CoreFixture.Request([5], 3) with { Priority = -1 }));
        Assert.Equal(SubmitVerdict.QueueFull, Submit(fixture, CoreFixture.Request([6], 3) with { Priority = -1 }));
        Assert.Equal(SubmitVerdict.Taken, Submit(fixture, CoreFixture.Request([6], 3) with { Priority = -2 }));
        fixture.EndStep();
        fixture.Change(changed, new SequenceChange(Priority: -9));
        fixture.Step();
        Assert.Equal(SubmitVerdict.QueueFull, Submit(fixture, CoreFixture.Request([7], 3)));
    }

    [Fact]
    public void A_long_list_of_prompts_fills_the_queue_for_lists_only()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100) with { MaxSequences = 1, MaxWaitingRequests = 2 }, [0]);
        fixture.Submit(CoreFixture.Request([1], 9));
        fixture.Step();
        fixture.Submit(CoreFixture.Request([2], 3));
        fixture.Submit(CoreFixture.Request([3], 3) with { PromptIndex = 1 });
        Assert.Equal(SubmitVerdict.QueueFull, Submit(fixture, CoreFixture.Request([4], 3) with { PromptIndex = 2 }));
        Assert.Equal(SubmitVerdict.Taken, Submit(fixture, CoreFixture.Request([5], 3)));
        Assert.Equal(SubmitVerdict.QueueFull, Submit(fixture, CoreFixture.Request([6], 3)));
    }

    [Fact]
    public void Time_begins_with_acceptance()
    {
        var time = new FakeTimeProvider();
        using var fixture = new CoreFixture(CoreFixture.Options(100), [0], time: time);
        fixture.Submit(CoreFixture.Request([1], 9));
        fixture.BeginStep();
        var id = fixture.Submit(CoreFixture.Request(Prompt, 8) with { QueueTimeout = TimeSpan.FromSeconds(2) })[0];
        time.Advance(TimeSpan.FromSeconds(2));
        fixture.EndStep();
        fixture.Step();
        Assert.Equal(FinishReason.QueueTimedOut, fixture.Answers[id].End!.Reason);
        fixture.RunToRest();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_drain_ends_whatever_comes_with_it(bool stopsFirst)
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100), [0]);
        if (stopsFirst)
        {
            fixture.Inbox.Stop();
        }

        var drained = fixture.Inbox.DrainAsync();
        fixture.Inbox.Stop();
        Assert.Equal(SubmitVerdict.Unavailable, Submit(fixture, CoreFixture.Request([4], 3)));
        Assert.False(fixture.Inbox.TryDeliver(fixture.Core));
        Assert.Empty(fixture.Inbox.Close(LoopPhase.Stopped));
        await drained;
        await fixture.Inbox.DrainAsync();
        Assert.Equal(7, await fixture.Inbox.AskAsync(_ => 3, otherwise: 7));
    }

    [Fact]
    public void What_never_reached_its_end_is_owed_one()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100), [0]);
        var ended = fixture.Submit(CoreFixture.Request([1], 1))[0];
        fixture.RunToRest();
        var running = fixture.Submit(CoreFixture.Request([2], 9))[0];
        fixture.BeginStep();
        var arriving = fixture.Submit(CoreFixture.Request([3], 9))[0];
        var left = fixture.Inbox.Close(LoopPhase.Failed);
        Acceptance.End(left, new SequenceEnd(FinishReason.Failed, Message: "a bug"), new Microsoft.Extensions.Logging.Testing.FakeLogger());
        Assert.Equivalent(new[] { running, arriving }, left.Select(accepted => accepted.Sequence.Id));
        Assert.All([running, arriving], id => Assert.Equal("a bug", fixture.Answers[id].End!.Message));
        Assert.Equal(FinishReason.Length, fixture.Answers[ended].End!.Reason);
    }

    private static SubmitVerdict Submit(CoreFixture fixture, GenerationRequest request) =>
        fixture.Inbox.Submit(fixture.Core.Prepare(new Attempt(request, CoreFixture.Epoch(1), Journal.Begin(request).Sequences)), fixture).Verdict;

    private static SequenceChange Without(int token) =>
        new(Sampling: new SamplingParameters { Temperature = 0, LogitBias = [new(token, float.NegativeInfinity)] });
}
