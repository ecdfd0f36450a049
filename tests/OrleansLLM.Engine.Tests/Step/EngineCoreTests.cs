using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using OrleansLLM.Sequences;

namespace OrleansLLM.Engine.Tests;

/// <summary>Single promises of the engine, step by step. Every published token is checked against the model by the fixture.</summary>
public class EngineCoreTests
{
    private static readonly int[] Prompt = [.. Enumerable.Range(0, 21).Select(i => i * 7 % 32)];

    [Fact]
    public void A_prompt_is_computed_in_chunks_within_the_budget_while_others_decode()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(200) with { MaxBatchedTokens = 8 }, [0]);
        var first = fixture.Submit(CoreFixture.Request([1, 2, 3], 20))[0];
        fixture.Step();
        fixture.Submit(CoreFixture.Request(Prompt, 5));
        var tokens = fixture.Answers[first].Tokens.Count;
        for (var step = 0; step < 3; step++)
        {
            var before = fixture.Model.ComputedRows;
            fixture.Step();
            Assert.Equal(8, fixture.Model.ComputedRows - before);
            Assert.Equal(++tokens, fixture.Answers[first].Tokens.Count);
        }

        fixture.RunToRest();
    }

    [Fact]
    public void A_warm_prefix_is_not_computed_again_and_gives_the_same_tokens()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100), [0, 6]);
        var cold = fixture.Submit(CoreFixture.Request(Prompt, 8))[0];
        fixture.RunToRest();
        var before = fixture.Model.ComputedRows;
        var warm = fixture.Submit(CoreFixture.Request(Prompt, 8))[0];
        fixture.RunToRest();
        Assert.Equal(fixture.Answers[cold].Tokens, fixture.Answers[warm].Tokens);
        Assert.Equal(20, fixture.Answers[warm].CachedTokens);
        Assert.Equal(1 + 7, fixture.Model.ComputedRows - before);
        Assert.Equal(20, fixture.Core.Statistics.PrefixHits);
    }

    [Fact]
    public void A_salt_separates_prefixes()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100), [0, 6]);
        fixture.Submit(CoreFixture.Request(Prompt, 2) with { CacheSalt = "a" });
        fixture.RunToRest();
        var other = fixture.Submit(CoreFixture.Request(Prompt, 2) with { CacheSalt = "b" })[0];
        fixture.RunToRest();
        Assert.Equal(0, fixture.Answers[other].CachedTokens);
    }

    [Theory]
    [InlineData("", "", "", "", true)]
    [InlineData("a", "", "a", "", true)]
    [InlineData("a", "", "b", "", false)]
    [InlineData("a", "", "", "", false)]
    [InlineData("a", "shared", "b", "shared", true)]
    [InlineData("a", "x", "a", "y", false)]
    [InlineData("x", "", "", "x", false)]
    public void A_prefix_belongs_to_its_salt_or_else_to_its_tenant(string tenant, string salt, string otherTenant, string otherSalt, bool isShared)
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100), [0, 6]);
        fixture.Submit(CoreFixture.Request(Prompt, 2) with { Tenant = tenant, CacheSalt = salt });
        fixture.RunToRest();
        var other = fixture.Submit(CoreFixture.Request(Prompt, 2) with { Tenant = otherTenant, CacheSalt = otherSalt })[0];
        fixture.RunToRest();
        Assert.Equal(isShared ? 20 : 0, fixture.Answers[other].CachedTokens);
    }

    [Fact]
    public void A_longer_prompt_of_a_dynamic_rope_shares_nothing_with_a_shorter_one()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100), [0], dynamicRopeOrigin: 16);
        var short1 = fixture.Submit(CoreFixture.Request(Prompt[..12], 12))[0];
        fixture.RunToRest();
        var long1 = fixture.Submit(CoreFixture.Request(Prompt, 4))[0];
        fixture.RunToRest();
        var long2 = fixture.Submit(CoreFixture.Request(Prompt, 4))[0];
        fixture.RunToRest();
        Assert.Equal(0, fixture.Answers[short1].CachedTokens);
        Assert.Equal(0, fixture.Answers[long1].CachedTokens);
        Assert.Equal(20, fixture.Answers[long2].CachedTokens);
    }

    [Fact]
    public void Four_samples_hold_the_prompts_blocks_once()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100), [0]);
        fixture.Submit(CoreFixture.Request(Prompt, 4) with { Samples = 4 });
        fixture.Step();
        fixture.Step();
        fixture.Step();
        Assert.Equal(Prompt.Length + 4, fixture.Model.ComputedRows);
        Assert.Equal(5 + 4, fixture.Core.Statistics.Load.UsedBlocks);
        fixture.RunToRest();
    }

    [Fact]
    public void Blocks_behind_the_window_are_freed_while_a_sequence_grows()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(20), [6]);
        fixture.Submit(CoreFixture.Request([1], 300));
        for (var step = 0; step < 290; step++)
        {
            fixture.Step();
            Assert.InRange(fixture.Core.Statistics.Load.UsedBlocks, 1, 3);
        }

        fixture.RunToRest();
    }

    [Fact]
    public void Blocks_are_taken_when_a_token_needs_a_slot_and_not_before()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100), [0]);
        fixture.Submit(CoreFixture.Request([1, 2, 3], 200));
        for (var computed = 3; computed < 60; computed++)
        {
            fixture.Step();
            Assert.Equal((computed + 3) / 4, fixture.Core.Statistics.Load.UsedBlocks);
        }
    }

    [Fact]
    public void A_lower_priority_number_goes_first_and_equal_ones_in_order_of_arrival()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100) with { MaxSequences = 1 }, [0]);
        var running = fixture.Submit(CoreFixture.Request([1], 3))[0];
        fixture.Step();
        var late = fixture.Submit(CoreFixture.Request([2], 3) with { Priority = 5 })[0];
        var second = fixture.Submit(CoreFixture.Request([3], 3))[0];
        var third = fixture.Submit(CoreFixture.Request([4], 3))[0];
        var first = fixture.Submit(CoreFixture.Request([5], 3) with { Priority = -1 })[0];
        var order = new List<SequenceId>();
        while (!fixture.Core.IsIdle)
        {
            fixture.Step();
            order.AddRange(fixture.Answers.Where(answer => answer.Value.End is not null && !order.Contains(answer.Key)).Select(answer => answer.Key));
        }

        Assert.Equal([first, running, second, third, late], order);
    }

    [Fact]
    public void A_sample_whose_leader_is_cancelled_takes_its_place_in_the_queue()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100) with { MaxSequences = 1 }, [0]);
        fixture.Submit(CoreFixture.Request([1], 3));
        fixture.Step();
        var group = fixture.Submit(CoreFixture.Request([2], 3) with { Samples = 2 });
        var later = fixture.Submit(CoreFixture.Request([3], 3))[0];
        fixture.Abort(group[0]);
        while (fixture.Answers[group[1]].End is null)
        {
            fixture.Step();
            Assert.Single(fixture.Answers[later].Tokens);
        }

        fixture.RunToRest();
    }

    [Fact]
    public void The_latest_admitted_of_the_lowest_priority_is_pushed_out_and_comes_back_before_waiting_ones()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(12) with { MaxModelLength = 40 }, [0]);
        var important = fixture.Submit(CoreFixture.Request([1, 2, 3, 4], 30) with { Priority = 0 })[0];
        fixture.Step();
        var victim = fixture.Submit(CoreFixture.Request([5, 6, 7, 8], 30) with { Priority = 1 })[0];
        while (fixture.Core.Statistics.Preemptions == 0)
        {
            fixture.Step();
        }

        Assert.Equal(SequenceState.Preempted, fixture.Core.Find(victim)!.State);
        var waiting = fixture.Submit(CoreFixture.Request([9], 2) with { Priority = 1 })[0];
        while (fixture.Core.Find(important) is not null)
        {
            fixture.Step();
            Assert.Equal(SequenceState.Waiting, fixture.Core.Find(waiting)!.State);
        }

        fixture.RunToRest();
        Assert.Equal(34, fixture.Answers[victim].Tokens.Count);
    }

    [Fact]
    public void A_resumed_attempt_goes_on_behind_its_output_and_an_ended_one_ends_at_once()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100), [0, 6]);
        var request = CoreFixture.Request(Prompt, 10);
        var expected = fixture.Model.Continue(Prompt, 10);
        var resumed = fixture.Submit(request, epoch: 2, output: expected[..4])[0];
        var full = fixture.Submit(request with { Id = RequestId.Create() }, epoch: 2, output: expected)[0];
        var stopped = fixture.Submit(request with { Id = RequestId.Create(), StopTokenIds = [expected[3]] }, epoch: 2, output: expected[..4])[0];
        fixture.RunToRest();
        Assert.Equal([.. Prompt, .. expected], fixture.Answers[resumed].Tokens);
        Assert.Equal(FinishReason.Length, fixture.Answers[full].End!.Reason);
        Assert.Equal(new SequenceEnd(FinishReason.Stop, expected[3]), fixture.Answers[stopped].End);
    }

    [Fact]
    public void A_resumed_attempt_goes_on_as_it_was_changed()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100), [0, 6]);
        var request = CoreFixture.Request(Prompt, 10);
        var expected = fixture.Model.Continue(Prompt, 10);
        var other = new SamplingParameters { Temperature = 0, LogitBias = [new(expected[4], float.NegativeInfinity)] };
        var changed = fixture.Submit(
            request, 2, expected[..4], new JournalChange(22, new SequenceChange(MaxTokens: 9)), new JournalChange(24, new SequenceChange(6, 3, other)))[0];
        Assert.Equal(3, fixture.Core.Find(changed)!.Priority);
        fixture.RunToRest();
        Assert.Equal(Prompt.Length + 6, fixture.Answers[changed].Tokens.Count);
        Assert.NotEqual(expected[4], fixture.Answers[changed].Tokens[Prompt.Length + 4]);
    }

    [Fact]
    public void Limits_at_their_ends_draw_what_the_definition_draws()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100), [0]);
        SamplingParameters[] samplings =
        [
            new() { Temperature = 1e-38f },
            new() { Temperature = 9e-6f, TopK = 3 },
            new() { Temperature = 1e-5f, RepetitionPenalty = 2 },
            new() { TopK = int.MaxValue },
            new() { TopK = 33, TopP = 1, MinP = 0 },
            new() { TopK = 1 },
            new() { TopP = float.Epsilon },
            new() { MinP = 1 },
            new() { RepetitionPenalty = 100, PresencePenalty = -2, FrequencyPenalty = 2 },
            new() { RepetitionPenalty = 0.01f, PresencePenalty = 2, FrequencyPenalty = -2 },
            new() { LogitBias = [new(3, 100), new(4, -100)] },
            new() { AllowedTokenIds = [31] },
        ];
        foreach (var sampling in samplings)
        {
            fixture.Submit(CoreFixture.Request(Prompt, 12) with { Sampling = sampling });
        }

        fixture.RunToRest();
        Assert.All(fixture.Answers.Values, answer => Assert.Equal(Prompt.Length + 12, answer.Tokens.Count));
    }

    [Fact]
    public void A_change_that_can_not_be_is_refused_with_its_journal()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100), [0]);
        var request = CoreFixture.Request(Prompt, 10);
        var journal = JournalSequence.Begin(new SequenceId(request.Id, 0));
        var wrong = new SequenceChange(Sampling: new SamplingParameters { TopP = 2 });
        var refused = fixture.Admission.Check(new Attempt(request, CoreFixture.Epoch(2), [journal with { Changes = [new JournalChange(21, wrong)] }]));
        Assert.Contains("top_p is 2", refused!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_waiting_sequence_of_a_lower_priority_number_goes_before_a_pushed_out_one()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(12) with { MaxModelLength = 40 }, [0]);
        var running = fixture.Submit(CoreFixture.Request([1, 2, 3, 4], 30) with { Priority = 1 })[0];
        fixture.Step();
        var victim = fixture.Submit(CoreFixture.Request([5, 6, 7, 8], 30) with { Priority = 1 })[0];
        while (fixture.Core.Statistics.Preemptions == 0)
        {
            fixture.Step();
        }

        var urgent = fixture.Submit(CoreFixture.Request([9], 2))[0];
        while (fixture.Core.Find(urgent) is not null)
        {
            Assert.NotNull(fixture.Core.Find(running));
            Assert.Equal(SequenceState.Preempted, fixture.Core.Find(victim)!.State);
            fixture.Step();
        }

        fixture.RunToRest();
    }

    [Fact]
    public void Prompt_logprobs_are_whole_when_the_prompt_is_chunked_pushed_out_and_cached()
    {
        foreach (var mode in new[] { PreemptionMode.Recompute, PreemptionMode.Swap })
        {
            using var fixture = new CoreFixture(CoreFixture.Options(14) with { Preemption = mode, MaxModelLength = 50, MaxBatchedTokens = 5 }, [0, 6]);
            fixture.Submit(CoreFixture.Request(Prompt, 2));
            fixture.RunToRest();
            var other = fixture.Submit(CoreFixture.Request([1, 2, 3], 30))[0];
            while (fixture.Core.Find(other)!.OutputLength < 20)
            {
                fixture.Step();
            }

            var scored = fixture.Submit(CoreFixture.Request(Prompt, 4) with { Sampling = new SamplingParameters { Temperature = 0, PromptLogprobs = 3 } })[0];
            var pushedOut = 0;
            while (fixture.Core.Find(scored) is { } sequence)
            {
                pushedOut += sequence.State is SequenceState.Preempted or SequenceState.Swapped && sequence.OutputLength == 0 ? 1 : 0;
                fixture.Step();
            }

            fixture.RunToRest();
            Assert.True(pushedOut > 0, $"It was not pushed out by {mode} before its first token.");
            Assert.False(fixture.Answers[scored].WantsPromptLogprobs);
        }
    }

    [Fact]
    public void Requests_that_the_next_step_has_room_for_do_not_count_as_waiting()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100) with { MaxSequences = 3, MaxWaitingRequests = 0 }, [0]);
        for (var i = 0; i < 3; i++)
        {
            fixture.Submit(CoreFixture.Request([i], 3));
        }

        fixture.RunToRest();
    }

    [Fact]
    public void The_queue_limit_is_over_with_the_first_step_for_all_samples_also_when_they_are_pushed_out()
    {
        var time = new FakeTimeProvider();
        using var fixture = new CoreFixture(CoreFixture.Options(14) with { MaxModelLength = 40 }, [0], time: time);
        var request = CoreFixture.Request(Prompt, 15) with { Samples = 3, QueueTimeout = TimeSpan.FromSeconds(3) };
        var started = fixture.Submit(request);
        fixture.Step();
        Assert.Equal(SequenceState.AwaitingPrompt, fixture.Core.Find(started[2])!.State);
        var late = fixture.Submit(request with { Id = RequestId.Create(), Samples = 1 })[0];
        while (!fixture.Core.IsIdle)
        {
            time.Advance(TimeSpan.FromSeconds(4));
            fixture.Step();
        }

        Assert.True(fixture.Core.Statistics.Preemptions > 0);
        Assert.All(started, id => Assert.Equal(FinishReason.Length, fixture.Answers[id].End!.Reason));
        Assert.Equal(FinishReason.QueueTimedOut, fixture.Answers[late].End!.Reason);
    }

    [Fact]
    public void A_queue_as_long_as_one_can_count_takes_every_request()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100) with { MaxSequences = 2, MaxWaitingRequests = int.MaxValue }, [0]);
        for (var i = 0; i < 5; i++)
        {
            fixture.Submit(CoreFixture.Request([i], 3));
        }

        fixture.RunToRest();
    }

    [Fact]
    public void A_full_queue_says_how_long_a_place_takes()
    {
        var time = new FakeTimeProvider();
        using var fixture = new CoreFixture(CoreFixture.Options(100) with { MaxSequences = 1, MaxWaitingRequests = 2 }, [0], time: time);
        fixture.Submit(CoreFixture.Request([0], 1));
        fixture.Submit(CoreFixture.Request([1], 1));
        fixture.Submit(CoreFixture.Request([2], 1));
        time.Advance(TimeSpan.FromSeconds(4));
        Assert.Equal(TimeSpan.FromSeconds(4), Refuse(3).UntilNextPlace);
        fixture.Step();
        time.Advance(TimeSpan.FromSeconds(8));
        Assert.Equal(TimeSpan.FromSeconds(12), Refuse(2).UntilNextPlace);
        fixture.Step();
        fixture.Submit(CoreFixture.Request([3], 1));
        Assert.Equal(TimeSpan.FromSeconds(6), Refuse(2).UntilNextPlace);
        fixture.RunToRest();

        SubmitOutcome Refuse(int waiting)
        {
            var request = CoreFixture.Request([4], 5);
            var refused = fixture.Inbox.Submit(fixture.Core.Prepare(new Attempt(request, CoreFixture.Epoch(1), Journal.Begin(request).Sequences)), fixture);
            Assert.Equal((SubmitVerdict.QueueFull, waiting), (refused.Verdict, refused.Waiting));
            return refused;
        }
    }

    [Fact]
    public void Samples_that_find_no_seat_take_over_the_prompts_log_probabilities()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100) with { MaxSequences = 2 }, [0]);
        var request = CoreFixture.Request(Prompt[..13], 5) with
        {
            Samples = 4,
            Sampling = new SamplingParameters { Temperature = 0, Logprobs = 1, PromptLogprobs = 2 },
        };
        var samples = fixture.Submit(request);
        fixture.RunToRest();
        Assert.Equal([0, 0, 12, 12], samples.Select(sample => fixture.Answers[sample].CachedTokens));
        Assert.All(samples, sample => Assert.False(fixture.Answers[sample].WantsPromptLogprobs));
    }

    [Fact]
    public void A_step_that_fails_ends_its_sequences_with_a_message_and_the_engine_goes_on()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100), [0, 6]);
        var broken = fixture.Submit(CoreFixture.Request(Prompt[..4], 10) with { Samples = 3 })[0];
        fixture.Model.NextFailure = new InvalidOperationException("the device is on fire");
        fixture.Step();
        Assert.Equal(FinishReason.Failed, fixture.Answers[broken].End!.Reason);
        Assert.Contains("the device is on fire", fixture.Answers[broken].End!.Message, StringComparison.Ordinal);
        var record = Assert.Single(fixture.Log.GetSnapshot());
        Assert.Equal((LogLevel.Error, 1, "StepFailed", "the device is on fire"), (record.Level, record.Id.Id, record.Id.Name, record.Exception!.Message));
        Assert.Equal("Step 1 failed with 1 sequences; they end, the others go on.", record.Message);
        fixture.Log.Clear();
        var sound = fixture.Submit(CoreFixture.Request(Prompt, 10))[0];
        fixture.RunToRest();
        Assert.Equal(FinishReason.Length, fixture.Answers[sound].End!.Reason);
    }

    [Fact]
    public void A_step_that_fails_while_it_copies_blocks_leaves_none_behind()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100), [0, 6]);
        fixture.Submit(CoreFixture.Request(Prompt[..6], 10) with { Samples = 3 });
        fixture.Step();
        fixture.Model.NextFailure = new InvalidOperationException("no");
        fixture.Step();
        Assert.True(fixture.Core.IsIdle);
        Assert.Null(fixture.Core.FindLeak());
    }

    [Fact]
    public void A_fork_in_mid_block_writes_to_a_copy_and_leaves_its_parent_as_it_was()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100), [0]);
        var parent = fixture.Submit(CoreFixture.Request(Prompt[..6], 20))[0];
        fixture.Step();
        fixture.Step();
        var before = fixture.Model.ComputedRows;
        fixture.Fork(fixture.Core.Find(parent)!, 6, 1);
        fixture.Step();
        Assert.Equal(2, fixture.Model.ComputedRows - before);
        fixture.RunToRest();
    }

    [Fact]
    public void A_fork_that_outlives_its_parent_makes_the_cache_forget_the_block_that_it_writes_to()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100), [0]);
        var parent = fixture.Submit(CoreFixture.Request(Prompt, 20))[0];
        while (fixture.Core.Find(parent) is { OutputLength: < 12 })
        {
            fixture.Step();
        }

        var tokens = fixture.Answers[parent].Tokens.ToArray();
        var child = fixture.Fork(fixture.Core.Find(parent)!, 26, 1);
        fixture.Forbid(child, tokens[26]);
        fixture.Abort(parent);
        fixture.RunToRest();
        var again = fixture.Submit(CoreFixture.Request(tokens, 6))[0];
        var childAgain = fixture.Submit(CoreFixture.Request([.. fixture.Answers[child].Tokens], 1))[0];
        fixture.RunToRest();
        Assert.Equal(24, fixture.Answers[again].CachedTokens);
        Assert.Equal(fixture.Answers[child].Tokens.Count / 4 * 4, fixture.Answers[childAgain].CachedTokens);
    }

    /// <summary>Answers beyond two rooms, one with penalties, forked and pushed out on the way: the fixture checks every token.</summary>
    [Theory]
    [InlineData(PreemptionMode.Recompute)]
    [InlineData(PreemptionMode.Swap)]
    public void Long_answers_are_right_through_every_room(PreemptionMode mode)
    {
        using var fixture = new CoreFixture(
            CoreFixture.Options(1300) with { Preemption = mode, SwapBytes = 1 << 20 }, [0, 16], transferPolls: 1);
        var first = fixture.Submit(CoreFixture.Request(Prompt, 3000))[0];
        var penalised = CoreFixture.Request(Prompt[5..], 2500) with
        {
            Sampling = new SamplingParameters { Temperature = 0, RepetitionPenalty = 1.2f, FrequencyPenalty = 0.01f },
        };
        fixture.Submit(penalised);
        while (fixture.Core.Find(first) is { OutputLength: < 1300 })
        {
            fixture.Step();
        }

        fixture.Change(first, new SequenceChange(Sampling: new SamplingParameters { Temperature = 0, PresencePenalty = 0.5f }));
        fixture.Forbid(fixture.Fork(fixture.Core.Find(first)!, 1250, 1), 7);
        fixture.RunToRest();
        Assert.All(fixture.Answers.Values, answer => Assert.Equal(FinishReason.Length, answer.End!.Reason));
        Assert.True(fixture.Core.Statistics.Preemptions > 0);
    }

    [Fact]
    public void A_long_answer_is_found_again_in_the_cache()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(1300), [0, 16]);
        var first = fixture.Submit(CoreFixture.Request(Prompt, 3000))[0];
        fixture.RunToRest();
        var again = fixture.Submit(CoreFixture.Request([.. fixture.Answers[first].Tokens], 5))[0];
        fixture.RunToRest();
        Assert.InRange(fixture.Answers[again].CachedTokens, 3000, 3030);
    }

    [Fact]
    public void The_last_token_of_a_bad_word_is_forbidden_where_the_ones_before_it_stand()
    {
        var shape = CoreFixture.Shape(blockSize: 4, windows: [0]);
        var request = CoreFixture.Request([1, 2], 20) with
        {
            StopTokenIds = [9],
            MinTokens = 4,
            Sampling = new SamplingParameters { BadWords = [[5, 6, 7], [8], [6, 5, 3]], AllowedTokenIds = [1, 2], RepetitionPenalty = 2 },
        };
        var plan = new Compute.SamplingPlan(2);
        Sampler.Fill(plan, [new Sequence(request, CoreFixture.Epoch(1), new SequenceId(request.Id, 0), [5, 6], shape), new Sequence(request, CoreFixture.Epoch(1), new SequenceId(request.Id, 1), [6, 6, 5, 5], shape)]);
        Assert.Equal([9, 7, 8], plan.Bias.Ids(0).ToArray());
        Assert.Equal([8], plan.Bias.Ids(1).ToArray());
        Assert.Equal([1, 2], plan.Allowed.Ids(1).ToArray());
        Assert.Equal([1, 2, 6, 5], plan.Seen.Ids(1).ToArray());
        Assert.Equal([0, 0, 2, 2], plan.Seen.Values(1).ToArray());
        Assert.Equal(6, plan.Position[1]);
    }

    [Fact]
    public void A_sequence_that_ends_while_its_blocks_are_under_way_frees_them_on_both_sides()
    {
        using var fixture = new CoreFixture(
            CoreFixture.Options(12) with { Preemption = PreemptionMode.Swap, MaxModelLength = 40 }, [0], transferPolls: 3);
        var first = fixture.Submit(CoreFixture.Request([1, 2, 3, 4], 30))[0];
        fixture.Submit(CoreFixture.Request([5, 6, 7, 8], 30));
        while (!fixture.Core.Swap.IsUnderWay)
        {
            fixture.Step();
        }

        Assert.True(fixture.Core.Swap.Free < fixture.Core.Swap.Total);
        foreach (var sequence in fixture.Core.Sequences.ToArray())
        {
            fixture.Abort(sequence.Id);
        }

        Assert.Null(fixture.Core.Find(first));
        fixture.RunToRest();
        Assert.Equal(fixture.Core.Swap.Total, fixture.Core.Swap.Free);
    }
}
