using OrleansLLM.Sequences;

namespace OrleansLLM.Engine.Tests;

/// <summary>Who runs, who waits and who is pushed out, where the tokens alone would not show it.</summary>
public sealed class SchedulerTests
{
    private static readonly int[] Prompt = [.. Enumerable.Range(0, 21).Select(i => i * 7 % 32)];

    /// <summary>A pool in which the second of two answers is pushed out.</summary>
    private static EngineOptions Tight { get; } = CoreFixture.Options(12) with { MaxModelLength = 40 };

    [Theory]
    [InlineData(PreemptionMode.Recompute)]
    [InlineData(PreemptionMode.Swap)]
    public void A_pushed_out_sequence_keeps_its_seat_before_the_queue(PreemptionMode mode)
    {
        using var fixture = new CoreFixture(Tight with { MaxSequences = 2, MaxWaitingRequests = 0, Preemption = mode }, [0]);
        StepUntilPushedOut(fixture);
        Assert.Equal((1, 1), (fixture.Core.Statistics.Load.Running, fixture.Core.Statistics.Load.Preempted));
        var request = CoreFixture.Request([9], 1);
        var outcome = fixture.Inbox.Submit(fixture.Core.Prepare(new Attempt(request, CoreFixture.Epoch(1), Journal.Begin(request).Sequences)), fixture);
        Assert.Equal((SubmitVerdict.QueueFull, 0), (outcome.Verdict, outcome.Waiting));
        fixture.RunToRest();
    }

    [Theory]
    [InlineData(PreemptionMode.Recompute)]
    [InlineData(PreemptionMode.Swap)]
    public void Nobody_is_admitted_in_a_step_that_pushes_out_or_while_blocks_leave(PreemptionMode mode)
    {
        var options = Tight with { Preemption = mode };
        using var rehearsal = new CoreFixture(options, [0], transferPolls: 2);
        var steps = StepUntilPushedOut(rehearsal);
        using var fixture = new CoreFixture(options, [0], transferPolls: 2);
        SubmitTwo(fixture);
        for (var step = 1; step < steps; step++)
        {
            fixture.Step();
        }

        // It is more urgent than the one that is pushed out, and there is room for it.
        var urgent = fixture.Submit(CoreFixture.Request([9], 4))[0];
        fixture.Step();
        Assert.Equal(SequenceState.Waiting, fixture.Core.Find(urgent)!.State);
        Assert.Equal(1, fixture.Core.Statistics.Preemptions);
        Assert.Equal(mode == PreemptionMode.Swap, fixture.Core.Swap.LeavingCount > 0);
        while (fixture.Core.Swap.LeavingCount > 0)
        {
            Assert.Equal(SequenceState.Waiting, fixture.Core.Find(urgent)!.State);
            fixture.Step();
        }

        Assert.Equal(mode == PreemptionMode.Swap ? SequenceState.Running : SequenceState.Waiting, fixture.Core.Find(urgent)!.State);
        fixture.Step();
        Assert.Equal(SequenceState.Running, fixture.Core.Find(urgent)!.State);
        fixture.RunToRest();
    }

    [Fact]
    public void The_new_priority_of_a_running_sequence_decides_who_is_pushed_out()
    {
        using var fixture = new CoreFixture(Tight, [0]);
        var (first, second) = SubmitTwo(fixture);
        fixture.Step();
        fixture.Change(first, new SequenceChange(Priority: 5));
        while (fixture.Core.Statistics.Preemptions == 0)
        {
            fixture.Step();
        }

        Assert.Equal(SequenceState.Preempted, fixture.Core.Find(first)!.State);
        Assert.Equal(SequenceState.Running, fixture.Core.Find(second)!.State);
        fixture.RunToRest();
    }

    [Fact]
    public void The_new_priority_of_a_waiting_sequence_decides_who_is_next()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100) with { MaxSequences = 1 }, [0]);
        fixture.Submit(CoreFixture.Request([1], 2));
        fixture.Step();
        var first = fixture.Submit(CoreFixture.Request([2], 2))[0];
        var second = fixture.Submit(CoreFixture.Request([3], 2))[0];
        fixture.Change(second, new SequenceChange(Priority: -1));
        while (fixture.Answers[second].End is null)
        {
            fixture.Step();
            Assert.Single(fixture.Answers[first].Tokens);
        }

        fixture.RunToRest();
    }

    [Fact]
    public void The_new_priority_of_a_pushed_out_sequence_decides_who_comes_back_first()
    {
        using var fixture = new CoreFixture(Tight with { MaxSequences = 3 }, [0]);
        var ids = Enumerable.Range(0, 3).Select(i => fixture.Submit(CoreFixture.Request([i, 2, 3, 4], 34))[0]).ToArray();
        while (fixture.Core.Statistics.Load.Preempted < 2)
        {
            fixture.Step();
        }

        Assert.Equal(SequenceState.Running, fixture.Core.Find(ids[0])!.State);
        fixture.Change(ids[1], new SequenceChange(Priority: 3));
        var waiting = fixture.Submit(CoreFixture.Request([9], 1) with { Priority = 2 })[0];
        while (fixture.Answers[ids[2]].End is null)
        {
            fixture.Step();
            Assert.True(fixture.Answers[ids[1]].End is null);
        }

        // Its priority number is higher than that of the one that waits.
        while (fixture.Answers[waiting].End is null)
        {
            fixture.Step();
            Assert.True(fixture.Answers[ids[1]].End is null);
        }

        fixture.RunToRest();
    }

    [Fact]
    public void A_fork_runs_at_once_where_it_shares_what_its_parent_computed_and_a_seat_is_free()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100) with { MaxSequences = 2 }, [0]);
        var parent = fixture.Submit(CoreFixture.Request(Prompt[..6], 20))[0];
        Assert.Equal(SequenceState.Waiting, ForkOf(parent, 6, 1).State);
        fixture.Abort(new SequenceId(parent.Request, 1));
        fixture.Step();
        fixture.Step();
        Assert.Equal(SequenceState.Waiting, ForkOf(parent, 1, 2).State);
        fixture.Abort(new SequenceId(parent.Request, 2));
        var child = ForkOf(parent, 7, 3);
        Assert.Equal((SequenceState.Running, 6, 6), (child.State, child.Computed, child.CachedTokens));
        Assert.Equal(SequenceState.Waiting, ForkOf(parent, 7, 4).State);
        fixture.RunToRest();

        Sequence ForkOf(SequenceId id, int at, int index) => fixture.Core.Find(fixture.Fork(fixture.Core.Find(id)!, at, index))!;
    }

    [Fact]
    public void A_fork_that_owes_its_prompts_log_probabilities_computes_the_prompt()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100), [0]);
        var request = CoreFixture.Request(Prompt[..6], 5) with { Sampling = new SamplingParameters { Temperature = 0, PromptLogprobs = 1 } };
        var parent = fixture.Submit(request)[0];
        fixture.Step();
        var child = fixture.Fork(fixture.Core.Find(parent)!, 6, 1);
        Assert.Equal(SequenceState.Waiting, fixture.Core.Find(child)!.State);
        fixture.RunToRest();
        Assert.False(fixture.Answers[child].WantsPromptLogprobs);
        Assert.Equal(0, fixture.Answers[child].CachedTokens);
    }

    [Theory]
    [InlineData(PrefixCaching.On, 2 * 21 + 2 * 4)]
    [InlineData(PrefixCaching.Off, 0)]
    public void A_prefix_is_looked_for_once_a_sequence_and_never_without_a_cache(PrefixCaching caching, int queries)
    {
        using var fixture = new CoreFixture(CoreFixture.Options(12) with { MaxModelLength = 40, PrefixCaching = caching }, [0]);
        fixture.Submit(CoreFixture.Request(Prompt, 2));
        fixture.RunToRest();
        fixture.Submit(CoreFixture.Request(Prompt, 2));
        fixture.RunToRest();
        StepUntilPushedOut(fixture);
        fixture.RunToRest();
        Assert.Equal(queries, fixture.Core.Statistics.PrefixQueries);
        Assert.Equal(caching == PrefixCaching.On ? 20 : 0, fixture.Core.Statistics.PrefixHits);
    }

    [Fact]
    public void Samples_that_find_no_seat_wait_in_their_order()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100) with { MaxSequences = 3 }, [0]);
        fixture.Submit(CoreFixture.Request([7], 40));
        fixture.Step();
        var samples = fixture.Submit(CoreFixture.Request(Prompt[..5], 4) with { Samples = 4 });
        fixture.Step();
        Assert.Equal(3, fixture.Core.Statistics.Load.Running);
        Assert.Equal(2, fixture.Core.Statistics.Load.Waiting);
        Assert.Equal(
            [SequenceState.Running, SequenceState.Running, SequenceState.Waiting, SequenceState.Waiting],
            samples.Select(sample => fixture.Core.Find(sample)!.State));
        fixture.RunToRest();
    }

    [Fact]
    public void Ending_twice_is_a_bug_and_said_so()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100), [0]);
        var sequence = fixture.Core.Find(fixture.Submit(CoreFixture.Request([1], 3))[0])!;
        var scheduler = new Scheduler(CoreFixture.Options(100), new PrefillLimits(4, 1, 100), new StepBudget(null, 16), fixture.Core.Blocks, fixture.Core.Swap, Compute.PreemptionCost.SwapIsCheaper);
        fixture.Abort(sequence.Id);
        Assert.Contains("has ended already", Assert.Throws<InvalidOperationException>(() => scheduler.Remove(sequence)).Message, StringComparison.Ordinal);
    }

    private static (SequenceId First, SequenceId Second) SubmitTwo(CoreFixture fixture)
    {
        var first = fixture.Submit(CoreFixture.Request([1, 2, 3, 4], 30) with { Priority = 1 })[0];
        return (first, fixture.Submit(CoreFixture.Request([5, 6, 7, 8], 30) with { Priority = 2 })[0]);
    }

    /// <summary>Steps of two sequences until the second is pushed out.</summary>
    private static int StepUntilPushedOut(CoreFixture fixture)
    {
        SubmitTwo(fixture);
        var steps = 0;
        for (; fixture.Core.Statistics.Preemptions == 0; steps++)
        {
            fixture.Step();
        }

        return steps;
    }
}
