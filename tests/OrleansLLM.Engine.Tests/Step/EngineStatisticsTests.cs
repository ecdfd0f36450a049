using OrleansLLM.Sequences;

namespace OrleansLLM.Engine.Tests;

/// <summary>What an engine counts, what it says of itself at rest, and how changes and ends reach what runs.</summary>
public sealed class EngineStatisticsTests
{
    private static readonly int[] Prompt = [.. Enumerable.Range(0, 21).Select(i => i * 7 % 32)];

    [Fact]
    public void Tokens_steps_and_blocks_are_counted()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100), [0]);
        fixture.Submit(CoreFixture.Request(Prompt, 8));
        fixture.RunToRest();

        // 21 tokens in chunks of 16, then seven single ones; the last of eight is never computed.
        Assert.Equal(2 + 7, fixture.Core.Statistics.Load.Step);
        fixture.Submit(CoreFixture.Request(Prompt, 5) with { Samples = 2 });
        fixture.Step();
        Assert.Equal((2, 0), (fixture.Core.Statistics.Load.Running, fixture.Core.Statistics.Load.Waiting));
        fixture.RunToRest();
        var statistics = fixture.Core.Statistics;
        Assert.Equal((42, 20, 18), (statistics.PromptTokens, statistics.CachedPromptTokens, statistics.GeneratedTokens));
        Assert.Equal((0, 0, 0), (statistics.Preemptions, statistics.Failures, statistics.Load.UsedBlocks));
        Assert.Equal((100, 0), (statistics.Load.TotalBlocks, statistics.KvUsage));
        Assert.False(fixture.Step());
        Assert.Equal(statistics.Load.Step, fixture.Core.Statistics.Load.Step);
    }

    /// <summary>A prompt without an answer is computed, counted and ended.</summary>
    [Fact]
    public void A_request_for_no_token_ends_when_its_prompt_is_computed()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100), [0]);
        var id = fixture.Submit(CoreFixture.Request(Prompt, 0))[0];
        fixture.RunToRest();
        Assert.Equal(FinishReason.Length, fixture.Answers[id].End!.Reason);
        Assert.Equal((21, 0), (fixture.Core.Statistics.PromptTokens, fixture.Core.Statistics.GeneratedTokens));
    }

    /// <summary>21 tokens of the prompt and 3 of the answer, but for a block of four that is cached; what is drawn behind them is new.</summary>
    [Fact]
    public void What_another_engine_had_begun_is_counted_as_computed_again()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100), [0]);
        fixture.Submit(CoreFixture.Request(Prompt[..5], 8));
        fixture.RunToRest();
        Assert.Equal(0, fixture.Core.Statistics.RecomputedTokens);
        fixture.Submit(CoreFixture.Request(Prompt, 8), epoch: 2, output: [1, 2, 3]);
        fixture.RunToRest();
        Assert.Equal(21 + 3 - 4, fixture.Core.Statistics.RecomputedTokens);
        Assert.Equal(8 + 5, fixture.Core.Statistics.GeneratedTokens);
    }

    [Fact]
    public void A_failed_step_is_counted()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100), [0]);
        fixture.Submit(CoreFixture.Request(Prompt, 3));
        fixture.Model.NextFailure = new InvalidOperationException("no");
        Assert.True(fixture.Step());
        Assert.Equal((1, 1), (fixture.Core.Statistics.Failures, fixture.Core.Statistics.Load.Step));
    }

    [Fact]
    public void An_engine_at_work_is_not_at_rest()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100), [0]);
        Assert.True(fixture.Core.IsIdle);
        fixture.Submit(CoreFixture.Request(Prompt, 3));
        Assert.False(fixture.Core.IsIdle);
        Assert.Contains("1 sequences are here", fixture.Core.FindLeak(), StringComparison.Ordinal);
        fixture.RunToRest();
    }

    [Fact]
    public void A_prefix_is_matched_in_tokens()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100), [0]);
        fixture.Submit(CoreFixture.Request(Prompt, 1));
        fixture.RunToRest();
        var again = fixture.Core.Prepare(new Attempt(CoreFixture.Request(Prompt, 1), CoreFixture.Epoch(1), Journal.Begin(CoreFixture.Request(Prompt, 1)).Sequences))[0];
        Assert.Equal(20, fixture.Core.MatchPrefix(again.Tables.Hashes));
        Assert.Equal(8, fixture.Core.MatchPrefix(again.Tables.Hashes[..2]));
    }

    [Fact]
    public void A_limit_that_is_changed_to_what_is_there_ends_the_answer_at_once()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100), [0]);
        var answer = fixture.Submit(CoreFixture.Request(Prompt[..4], 9))[0];
        var waiting = fixture.Submit(CoreFixture.Request(Prompt, 9))[0];
        fixture.Step();
        fixture.Step();
        fixture.Change(waiting, new SequenceChange(MaxTokens: 1));
        fixture.Change(answer, new SequenceChange(MaxTokens: 3));
        Assert.NotNull(fixture.Core.Find(answer));
        fixture.Change(answer, new SequenceChange(MaxTokens: 2));
        Assert.Null(fixture.Core.Find(answer));
        Assert.False(fixture.Step());
        Assert.Equal(FinishReason.Length, fixture.Answers[answer].End!.Reason);
        Assert.Equal(4 + 2, fixture.Answers[answer].Tokens.Count);
        Assert.Equal(21 + 1, fixture.Answers[waiting].Tokens.Count);
        Assert.Null(fixture.Change(answer, new SequenceChange(MaxTokens: 1)));
    }

    [Fact]
    public void The_end_of_everything_reaches_all_at_once()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100) with { MaxSequences = 1 }, [0]);
        var ids = Enumerable.Range(0, 3).Select(i => fixture.Submit(CoreFixture.Request([i], 9))[0]).ToArray();
        fixture.Step();
        fixture.Core.EndAll(new SequenceEnd(FinishReason.ShutDown, Message: "bye"));
        Assert.All(ids, id => Assert.Equal(new SequenceEnd(FinishReason.ShutDown, Message: "bye"), fixture.Answers[id].End));
        fixture.RunToRest();
    }

    /// <summary>A fork of a full answer has nothing to compute.</summary>
    [Fact]
    public void A_fork_behind_the_last_token_ends_at_once()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100) with { MaxModelLength = 12 }, [0]);
        var parent = fixture.Submit(CoreFixture.Request(Prompt[..10], 2))[0];
        fixture.Step();
        var view = fixture.Inbox.View(fixture.AttemptAt(parent))!.Value with { Count = 12 };
        fixture.Step();
        var child = fixture.Fork(view, 12, 1);
        Assert.Null(fixture.Core.Find(child));
        Assert.False(fixture.Step());
        Assert.Equal(FinishReason.Length, fixture.Answers[child].End!.Reason);
    }
}
