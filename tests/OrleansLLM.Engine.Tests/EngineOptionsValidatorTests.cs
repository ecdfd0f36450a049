using OrleansLLM.Compute;
using OrleansLLM.Models;
using OrleansLLM.Testing;

namespace OrleansLLM.Engine.Tests;

public sealed class EngineOptionsValidatorTests
{
    private const int MaxRows = 16;

    /// <summary>A block of four slots takes 32 bytes, one token a block in each of the two groups.</summary>
    private static readonly ModelFacts Facts = new(
        "fake", 32, 4096, new CacheLayout(new KvGeometry(16, 1, 1, 1, 1, ElementType.Float32), [new CacheGroup(0), new CacheGroup(8)]), DynamicRopeOrigin: 0);

    private static readonly EngineOptions Sound = CoreFixture.Options(blocks: 100);

    [Fact]
    public void Every_number_and_choice_is_refused_where_it_can_not_be_and_named()
    {
        var cases = ImpossibleOptions.Of(Sound).ToList();
        Assert.Equal(13, cases.Count);
        Assert.All(cases, item =>
        {
            var sentence = Assert.Single(EngineOptionsValidator.Validate(item.Options, Facts, MaxRows).Sentences);
            Assert.Matches($@"^{item.Property} \(--[a-z-]+\) is (-2|99|-00:00:02); it must be .+\.$", sentence);
        });
    }

    [Fact]
    public void Ranges_end_where_their_sentences_say()
    {
        RangeIs(1, 1 << 30, "BlockSize", value => Sound with { BlockSize = value, KvCacheBytes = long.MaxValue });
        RangeIs(1, 1 << 30, "MaxSequences", value => Sound with { MaxSequences = value });
        RangeIs(1, 16, "MaxBatchedTokens", value => Sound with { MaxBatchedTokens = value });
        RangeIs(1, 4096, "MaxModelLength", value => Sound with { MaxModelLength = value });
        RangeIs(0, int.MaxValue, "MaxWaitingRequests", value => Sound with { MaxWaitingRequests = value });
        RangeIs(0, 3_600_000, "MaxStepTime", value => Sound with { MaxStepTime = TimeSpan.FromMilliseconds(value) });
        RangeIs(1, 1 << 30, "MaxPartialPrefills", value => Sound with { MaxPartialPrefills = value });
        RangeIs(1, 4, "MaxLongPartialPrefills", value => Sound with { MaxLongPartialPrefills = value });
        RangeIs(1, 1 << 30, "LongPrefillTokenThreshold", value => Sound with { LongPrefillTokenThreshold = value });
        RangeIs(0, int.MaxValue, "SwapBytes", value => Sound with { SwapBytes = value });
        RangeIs(64, int.MaxValue, "KvCacheBytes", value => Sound with { KvCacheBytes = value });
    }

    [Fact]
    public void Positions_that_stretch_have_no_end_but_that_of_counting()
    {
        var stretching = Facts with { DynamicRopeOrigin = 4096 };
        Assert.Empty(EngineOptionsValidator.Validate(Sound with { MaxModelLength = 1 << 30 }, stretching, MaxRows).Sentences);
        Assert.Equal(
            ["MaxModelLength (--max-model-len) is 1073741825; it must be 1 to 1073741824."],
            EngineOptionsValidator.Validate(Sound with { MaxModelLength = (1 << 30) + 1 }, stretching, MaxRows).Sentences);
    }

    [Fact]
    public void What_depends_on_the_model_says_what_of_it()
    {
        var options = Sound with { MaxModelLength = 5000, MaxBatchedTokens = 17, KvCacheBytes = 63 };
        Assert.Equal(
            [
                "MaxModelLength (--max-model-len) is 5000; it must be 1 to 4096, the positions that the model was made for.",
                "MaxBatchedTokens (--max-num-batched-tokens) is 17; it must be 1 to 16, the rows a step that the model was loaded with; load it with more, or batch fewer tokens.",
                "KvCacheBytes (--kv-cache-memory-bytes) is 63; it must be 64 bytes or more: one token takes 2 blocks of 32 bytes; give it more, or make blocks smaller with BlockSize (--block-size).",
            ],
            EngineOptionsValidator.Validate(options, Facts, MaxRows).Sentences);
    }

    [Fact]
    public void A_block_whose_size_overflows_is_larger_than_any_cache()
    {
        var wide = Facts with { Cache = Facts.Cache with { Geometry = new KvGeometry(16, 64, 64, 4096, 4096, ElementType.Float32) } };
        var sentence = Assert.Single(
            EngineOptionsValidator.Validate(Sound with { BlockSize = 1 << 30, KvCacheBytes = long.MaxValue }, wide with
            {
                Cache = wide.Cache with { Groups = [.. Enumerable.Repeat(new CacheGroup(0), 100)] },
            }, MaxRows).Sentences);
        Assert.StartsWith("KvCacheBytes (--kv-cache-memory-bytes) is 9223372036854775807; it must be ", sentence, StringComparison.Ordinal);
    }

    /// <summary>It worked before there was a validator.</summary>
    [Fact]
    public void What_is_merely_of_no_use_passes()
    {
        EngineOptions[] odd =
        [
            Sound with { Preemption = PreemptionMode.Recompute, SwapBytes = 1 << 20 },
            Sound with { Preemption = PreemptionMode.Swap, SwapBytes = 1 },
            Sound with { MaxSequences = 100, MaxBatchedTokens = 1 },
            Sound with { KvCacheBytes = 64, MaxModelLength = 4096 },
            Sound with { KvCacheBytes = long.MaxValue, SwapBytes = long.MaxValue },
            Sound with { BlockSize = 1 << 20, MaxModelLength = 1, KvCacheBytes = 1L << 40 },
            Sound with { MaxWaitingRequests = 0 },
        ];
        Assert.All(odd, options => Assert.Empty(EngineOptionsValidator.Validate(options, Facts, MaxRows).Sentences));
    }

    private static void RangeIs(int least, int most, string property, Func<int, EngineOptions> with)
    {
        Assert.Empty(EngineOptionsValidator.Validate(with(least), Facts, MaxRows).Sentences);
        Assert.Empty(EngineOptionsValidator.Validate(with(most), Facts, MaxRows).Sentences);
        Assert.StartsWith($"{property} (", Assert.Single(EngineOptionsValidator.Validate(with(least - 1), Facts, MaxRows).Sentences), StringComparison.Ordinal);
        if (most < int.MaxValue)
        {
            Assert.StartsWith($"{property} (", EngineOptionsValidator.Validate(with(most + 1), Facts, MaxRows).Sentences[0], StringComparison.Ordinal);
        }
    }
}
