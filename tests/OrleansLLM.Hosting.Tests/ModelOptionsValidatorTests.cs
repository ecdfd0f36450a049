using OrleansLLM.Compute;
using OrleansLLM.Engine;
using OrleansLLM.Models;
using OrleansLLM.Testing;

namespace OrleansLLM.Hosting.Tests;

public sealed class ModelOptionsValidatorTests
{
    private static readonly ModelFacts Facts = new(
        "fake", 32, 2048, new CacheLayout(new KvGeometry(16, 1, 1, 1, 1, ElementType.Float32), [new CacheGroup(0)]), DynamicRopeOrigin: 0);

    private static readonly ModelOptions Sound = new() { Path = "model" };

    [Fact]
    public void What_nobody_set_is_sound() => Assert.Empty(ModelOptionsValidator.Validate(Sound, Facts).Sentences);

    [Fact]
    public void Every_number_and_choice_is_refused_where_it_can_not_be_and_named()
    {
        var cases = ImpossibleOptions.Of(Sound).ToList();
        Assert.Equal(17, cases.Count);
        Assert.All(cases, item => Assert.Matches(
            $@"^{item.Property} \(--[a-z-]+\) is (-2|99|-00:00:02); it must be .+\.$", Assert.Single(ModelOptionsValidator.Validate(item.Options, Facts).Sentences)));
    }

    [Fact]
    public void All_that_is_wrong_is_said_at_once()
    {
        var options = Sound with { MaxModelLength = 9000, KvCacheBytes = 1, Threads = 0, KvCacheType = (ElementType)7, Arithmetic = (Arithmetic)8 };
        Assert.Equal(
            [
                "MaxModelLength (--max-model-len) is 9000; it must be 1 to 2048, the positions that the model was made for.",
                "KvCacheBytes (--kv-cache-memory-bytes) is 1; it must be 128 bytes or more: one token takes 1 block of 128 bytes; give it more, or make blocks smaller with BlockSize (--block-size).",
                "Threads (--threads) is 0; it must be 1 or more.",
                "KvCacheType (--kv-cache-dtype) is 7; it must be Float32 or BFloat16.",
                "Arithmetic (--dtype) is 8; it must be Auto or Float32.",
            ],
            ModelOptionsValidator.Validate(options, Facts).Sentences);
    }

    /// <summary>It worked before there was a validator.</summary>
    [Fact]
    public void What_is_merely_of_no_use_passes()
    {
        ModelOptions[] odd =
        [
            Sound with { MaxBatchedTokens = 1, MaxSequences = 256 },
            Sound with { Preemption = PreemptionMode.Recompute, SwapBytes = 1 << 30 },
            Sound with { KvCacheBytes = 128, MaxModelLength = 2048 },
            Sound with { KvCacheBytes = long.MaxValue },
            Sound with { Threads = 5000 },
            Sound with { ServedNames = ["", "twice", "twice"] },
        ];
        Assert.All(odd, options => Assert.Empty(ModelOptionsValidator.Validate(options, Facts).Sentences));
    }
}
