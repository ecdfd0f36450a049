using Microsoft.Extensions.Time.Testing;

namespace OrleansLLM.Engine.Tests;

/// <summary>How prompts share a step, and what a better priority may take.</summary>
public sealed class SharedStepTests
{
    private static EngineOptions Options { get; } = CoreFixture.Options(400) with { LongPrefillTokenThreshold = 20, MaxSequences = 16 };

    [Fact]
    public void A_short_prompt_behind_twelve_long_ones_waits_no_longer_than_beside_one()
    {
        Assert.Equal(StepsOfAShortOne(1), StepsOfAShortOne(12));

        static int StepsOfAShortOne(int longOnes)
        {
            using var fixture = new CoreFixture(Options, [0]);
            for (var i = 0; i < longOnes; i++)
            {
                fixture.Submit(CoreFixture.Request(Prompt(90, i), 2));
            }

            fixture.Step();
            var id = fixture.Submit(CoreFixture.Request([1, 2, 3], 2))[0];
            var steps = 0;
            for (; fixture.Answers[id].End is null; steps++)
            {
                fixture.Step();
            }

            fixture.RunToRest();
            return steps;
        }
    }

    [Fact]
    public void Beside_endless_short_prompts_a_long_one_gets_a_quarter_of_each_step()
    {
        using var fixture = new CoreFixture(Options, [0]);
        for (var i = 0; i < 6; i++)
        {
            fixture.Submit(CoreFixture.Request(Prompt(11, i), 1));
        }

        var id = fixture.Submit(CoreFixture.Request(Prompt(100, 50), 1))[0];
        var (begun, steps) = (0, 0);
        for (; fixture.Answers[id].End is null; steps++)
        {
            Assert.True(steps < 40, "It starves.");
            fixture.Submit(CoreFixture.Request(Prompt(11, 100 + steps), 1));
            fixture.Submit(CoreFixture.Request(Prompt(13, 200 + steps), 1));
            var before = fixture.Core.Find(id)!.Computed;
            fixture.Step();
            if (before > 0 && fixture.Core.Find(id) is { } sequence)
            {
                begun++;
                Assert.InRange(sequence.Computed - before, 4, 16);
            }
        }

        Assert.True(begun > 10);
        fixture.RunToRest();
    }

    [Fact]
    public void A_long_prompt_alone_has_the_whole_step()
    {
        using var fixture = new CoreFixture(Options, [0]);
        fixture.Submit(CoreFixture.Request(Prompt(64, 1), 1));
        for (var step = 0; step < 4; step++)
        {
            var before = fixture.Model.ComputedRows;
            fixture.Step();
            Assert.Equal(16, fixture.Model.ComputedRows - before);
        }

        Assert.True(fixture.Core.IsIdle);
    }

    [Fact]
    public void Long_prompts_that_fit_into_what_is_left_are_computed_together()
    {
        using var fixture = new CoreFixture(Options with { LongPrefillTokenThreshold = 2 }, [0]);
        var ids = Enumerable.Range(0, 4).Select(i => fixture.Submit(CoreFixture.Request(Prompt(4, i), 1))[0]).ToList();
        fixture.Step();
        Assert.All(ids, id => Assert.NotNull(fixture.Answers[id].End));
    }

    [Fact]
    public void A_long_prompt_whose_rest_is_short_passes_others()
    {
        using var fixture = new CoreFixture(Options, [0]);
        fixture.Submit(CoreFixture.Request(Prompt(60, 1), 1));
        fixture.RunToRest();
        fixture.Submit(CoreFixture.Request(Prompt(200, 2), 1));
        fixture.Submit(CoreFixture.Request(Prompt(200, 3), 1));
        fixture.Step();
        var cached = fixture.Submit(CoreFixture.Request([.. Prompt(60, 1), 7, 8], 1))[0];
        fixture.Step();
        Assert.NotNull(fixture.Answers[cached].End);
        fixture.RunToRest();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void No_more_prompts_than_allowed_are_left_unfinished(int allowed)
    {
        using var fixture = new CoreFixture(Options with { MaxPartialPrefills = allowed, MaxLongPartialPrefills = Math.Min(2, allowed) }, [0]);
        for (var i = 0; i < 12; i++)
        {
            fixture.Submit(CoreFixture.Request(Prompt(i % 2 == 0 ? 19 : 50, i), 3) with { Priority = i % 3 });
        }

        while (!fixture.Core.IsIdle)
        {
            fixture.Step();
            Assert.InRange(fixture.Core.Sequences.Count(sequence => sequence.State == SequenceState.Running && sequence.Computed < sequence.PromptLength), 0, 3 * allowed);
            Assert.InRange(fixture.Core.Sequences.Count(sequence => sequence.Step == fixture.Core.Statistics.Load.Step && sequence.Computed < sequence.PromptLength), 0, allowed);
        }

        fixture.RunToRest();
    }

    [Fact]
    public void A_better_priority_takes_a_seat_from_a_worse_one_but_once_between_two_of_its_tokens()
    {
        using var fixture = new CoreFixture(
            Options with { MaxSequences = 1, Preemption = PreemptionMode.Recompute, PrefixCaching = PrefixCaching.Off }, [0]);
        var worse = fixture.Submit(CoreFixture.Request(Prompt(50, 1), 20) with { Priority = 3 })[0];
        StepUntil(() => fixture.Answers[worse].Tokens.Count == 51);
        var better = fixture.Submit(CoreFixture.Request(Prompt(5, 2), 1) with { Priority = 1 })[0];
        fixture.Step();
        Assert.NotNull(fixture.Answers[better].End);
        Assert.Equal((1, 51), (fixture.Core.Statistics.Preemptions, fixture.Answers[worse].Tokens.Count));

        // It is computed again, in four steps, and whoever comes meanwhile waits for its next token.
        var returned = fixture.Core.Find(worse)!;
        StepUntil(() => returned.State == SequenceState.Running);
        Assert.Equal(51, returned.Count);
        var next = fixture.Submit(CoreFixture.Request(Prompt(5, 3), 1) with { Priority = 1 })[0];
        StepUntil(() => fixture.Answers[next].End is not null);
        Assert.Equal((2, 52), (fixture.Core.Statistics.Preemptions, fixture.Answers[worse].Tokens.Count));
        fixture.RunToRest();

        void StepUntil(Func<bool> isSo)
        {
            for (var step = 0; !isSo(); step++)
            {
                Assert.True(step < 50);
                fixture.Step();
            }
        }
    }

    [Fact]
    public void A_better_priority_takes_a_seat_whose_blocks_move_out()
    {
        using var fixture = new CoreFixture(Options with { MaxSequences = 1, Preemption = PreemptionMode.Swap }, [0], transferPolls: 2);
        fixture.Submit(CoreFixture.Request(Prompt(50, 1), 20) with { Priority = 3 });
        for (var step = 0; step < 6; step++)
        {
            fixture.Step();
        }

        var better = fixture.Submit(CoreFixture.Request(Prompt(5, 2), 1) with { Priority = 1 })[0];
        for (var step = 0; step < 5; step++)
        {
            fixture.Step();
        }

        Assert.NotNull(fixture.Answers[better].End);
        Assert.Equal(1, fixture.Core.Statistics.PreemptionsBySwap);
        fixture.RunToRest();
    }

    [Fact]
    public void A_better_priority_takes_blocks_from_a_worse_one_that_runs()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(12) with { MaxModelLength = 40 }, [0]);
        var worse = fixture.Submit(CoreFixture.Request(Prompt(30, 1), 10) with { Priority = 3 })[0];
        for (var step = 0; step < 4; step++)
        {
            fixture.Step();
        }

        var better = fixture.Submit(CoreFixture.Request(Prompt(20, 2), 3) with { Priority = 1 })[0];
        while (fixture.Answers[better].End is null)
        {
            Assert.Null(fixture.Answers[worse].End);
            fixture.Step();
        }

        Assert.Equal(1, fixture.Core.Statistics.Preemptions);
        fixture.RunToRest();
    }

    [Fact]
    public void Nothing_is_taken_within_one_priority()
    {
        using var fixture = new CoreFixture(Options with { MaxSequences = 1 }, [0]);
        var first = fixture.Submit(CoreFixture.Request(Prompt(5, 1), 9))[0];
        fixture.Step();
        fixture.Submit(CoreFixture.Request(Prompt(5, 2), 1));
        while (fixture.Answers[first].End is null)
        {
            fixture.Step();
        }

        Assert.Equal(0, fixture.Core.Statistics.Preemptions);
        fixture.RunToRest();
    }

    [Theory]
    [InlineData(1, 12)]
    [InlineData(12, 1)]
    [InlineData(2, 6)]
    public void A_first_answer_takes_a_seat_from_one_that_its_caller_asked_for_besides(int prompts, int samples)
    {
        using var fixture = new CoreFixture(Options with { MaxSequences = 8 }, [0]);
        SubmitList(fixture, prompts, samples, maxTokens: 60);
        for (var step = 0; step < 8; step++)
        {
            fixture.Step();
        }

        Assert.Equal(8, fixture.Core.Statistics.Load.Running);
        Assert.Equal(0, fixture.Core.Statistics.Preemptions);
        var single = fixture.Submit(CoreFixture.Request(Prompt(5, 90), 3))[0];
        for (var step = 0; step < 3; step++)
        {
            fixture.Step();
        }

        Assert.NotNull(fixture.Answers[single].End);
        Assert.Equal(1, fixture.Core.Statistics.Preemptions);
        fixture.RunToRest();
    }

    [Fact]
    public void First_answers_keep_a_quarter_of_the_seats_and_take_no_more()
    {
        using var fixture = new CoreFixture(Options with { MaxSequences = 8 }, [0]);
        var listed = SubmitList(fixture, prompts: 12, samples: 1, maxTokens: 60);
        for (var step = 0; step < 6; step++)
        {
            fixture.Step();
        }

        var singles = Enumerable.Range(0, 20).Select(i => fixture.Submit(CoreFixture.Request(Prompt(5, 100 + i), 10))[0]).ToList();
        for (var step = 0; singles.Exists(id => fixture.Answers[id].End is null); step++)
        {
            Assert.True(step < 400, "They starve.");
            fixture.Step();
            var running = fixture.Core.Sequences.Where(sequence => sequence.State == SequenceState.Running).ToList();
            var isCrowded = listed.Count(id => fixture.Answers[id].End is null) >= 8;
            Assert.InRange(running.Count(sequence => !sequence.IsFurther), 0, isCrowded ? 2 : 8);
        }

        fixture.RunToRest();
        Assert.All(listed, id => Assert.Equal(FinishReason.Length, fixture.Answers[id].End!.Reason));
    }

    [Fact]
    public void A_first_answer_of_a_worse_priority_takes_nothing()
    {
        using var fixture = new CoreFixture(Options with { MaxSequences = 8 }, [0]);
        var listed = SubmitList(fixture, prompts: 1, samples: 9, maxTokens: 30);
        fixture.Step();
        fixture.Step();
        fixture.Submit(CoreFixture.Request(Prompt(5, 90), 3) with { Priority = 1 });
        while (fixture.Answers[listed[0]].End is null)
        {
            fixture.Step();
        }

        Assert.Equal(0, fixture.Core.Statistics.Preemptions);
        fixture.RunToRest();
    }

    private static List<SequenceId> SubmitList(CoreFixture fixture, int prompts, int samples, int maxTokens) =>
    [
        .. Enumerable.Range(0, prompts).SelectMany(
            index => fixture.Submit(CoreFixture.Request(Prompt(6, index), maxTokens) with { PromptIndex = index, Samples = samples })),
    ];

    /// <summary>The model takes 10 ms a row on a clock of the test's: prompts go in chunks of what 250 ms hold, answers go on in every step.</summary>
    [Fact]
    public void A_step_keeps_to_its_time_and_the_bits_stay_the_same()
    {
        var time = new FakeTimeProvider();
        using var fixture = new CoreFixture(Options with { MaxStepTime = TimeSpan.FromMilliseconds(90) }, [0], time: time);
        fixture.Model.BeforeForward = batch => time.Advance(TimeSpan.FromMilliseconds(10 * batch.Rows));
        var answer = fixture.Submit(CoreFixture.Request([1, 2, 3], 40))[0];
        fixture.Step();
        fixture.Submit(CoreFixture.Request(Prompt(150, 1), 2));
        for (var step = 0; step < 10; step++)
        {
            var (before, tokens) = (time.GetTimestamp(), fixture.Answers[answer].Tokens.Count);
            fixture.Step();
            Assert.Equal(tokens + 1, fixture.Answers[answer].Tokens.Count);
            Assert.InRange(time.GetElapsedTime(before).TotalMilliseconds, 10, 170);
        }

        Assert.InRange(fixture.Core.Statistics.StepTokenBudget, 1, 16);
        fixture.RunToRest();
    }

    private static int[] Prompt(int length, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, length).Select(_ => random.Next(32))];
    }
}
