using OrleansLLM.Models;
using static System.FormattableString;

namespace OrleansLLM.Engine;

/// <summary>
/// Whether an engine's options can be: each by itself, against the others and for a model. A pure function, so it may run before there are
/// weights. What is merely of no use passes (swap space that nothing is swapped to, seats that a step has no tokens for), and so does what
/// only the machine can answer: a large cache costs nothing until it is used.
/// </summary>
public static class EngineOptionsValidator
{
    /// <summary>Counts up to this add up without overflow.</summary>
    private const int Most = 1 << 30;

    private static readonly OptionName MaxModelLength = new(nameof(EngineOptions.MaxModelLength), "--max-model-len");
    private static readonly OptionName BlockSize = new(nameof(EngineOptions.BlockSize), "--block-size");
    private static readonly OptionName KvCacheBytes = new(nameof(EngineOptions.KvCacheBytes), "--kv-cache-memory-bytes");
    private static readonly OptionName SwapBytes = new(nameof(EngineOptions.SwapBytes), "--swap-space");
    private static readonly OptionName MaxBatchedTokens = new(nameof(EngineOptions.MaxBatchedTokens), "--max-num-batched-tokens");
    private static readonly OptionName MaxSequences = new(nameof(EngineOptions.MaxSequences), "--max-num-seqs");
    private static readonly OptionName MaxWaitingRequests = new(nameof(EngineOptions.MaxWaitingRequests), "--max-waiting-requests");
    private static readonly OptionName MaxStepTime = new(nameof(EngineOptions.MaxStepTime), "--max-step-time");
    private static readonly OptionName MaxPartialPrefills = new(nameof(EngineOptions.MaxPartialPrefills), "--max-num-partial-prefills");
    private static readonly OptionName MaxLongPartialPrefills = new(nameof(EngineOptions.MaxLongPartialPrefills), "--max-long-partial-prefills");
    private static readonly OptionName LongPrefillTokenThreshold =
        new(nameof(EngineOptions.LongPrefillTokenThreshold), "--long-prefill-token-threshold");
    private static readonly OptionName Preemption = new(nameof(EngineOptions.Preemption), "--preemption-mode");
    private static readonly OptionName PrefixCaching = new(nameof(EngineOptions.PrefixCaching), "--enable-prefix-caching");

    /// <param name="maxRows">Rows that one step of the model has room for.</param>
    public static OptionProblems Validate(EngineOptions options, ModelFacts facts, int maxRows)
    {
        var problems = new OptionProblems();
        CheckLength(problems, options, facts);
        problems.Require(options.BlockSize is >= 1 and <= Most, BlockSize, options.BlockSize, $"1 to {Most}");
        problems.Require(options.MaxBatchedTokens is >= 1 and <= Most, MaxBatchedTokens, options.MaxBatchedTokens, $"1 to {Most}");
        problems.Require(
            options.MaxBatchedTokens <= maxRows, MaxBatchedTokens, options.MaxBatchedTokens,
            Invariant($"1 to {maxRows}, the rows a step that the model was loaded with; load it with more, or batch fewer tokens"));
        problems.Require(options.MaxSequences is >= 1 and <= Most, MaxSequences, options.MaxSequences, $"1 to {Most}");
        problems.Require(options.MaxWaitingRequests >= 0, MaxWaitingRequests, options.MaxWaitingRequests, "0 or more");
        problems.Require(
            options.MaxStepTime is null || (options.MaxStepTime >= TimeSpan.Zero && options.MaxStepTime <= TimeSpan.FromHours(1)),
            MaxStepTime, options.MaxStepTime, "0 to 1 hour");
        problems.Require(options.MaxPartialPrefills is >= 1 and <= Most, MaxPartialPrefills, options.MaxPartialPrefills, $"1 to {Most}");
        problems.Require(
            options.MaxLongPartialPrefills >= 1 && options.MaxLongPartialPrefills <= Math.Max(1, options.MaxPartialPrefills),
            MaxLongPartialPrefills, options.MaxLongPartialPrefills, Invariant($"1 to {options.MaxPartialPrefills}, which {MaxPartialPrefills} allows"));
        problems.Require(
            options.LongPrefillTokenThreshold is null or (>= 1 and <= Most),
            LongPrefillTokenThreshold, options.LongPrefillTokenThreshold, $"1 to {Most}");
        problems.Require(options.SwapBytes >= 0, SwapBytes, options.SwapBytes, "0 bytes or more");
        problems.Require(Enum.IsDefined(options.Preemption), Preemption, options.Preemption, "Auto, Recompute or Swap");
        problems.Require(Enum.IsDefined(options.PrefixCaching), PrefixCaching, options.PrefixCaching, "On or Off");
        CheckCache(problems, options, facts);
        return problems;
    }

    /// <summary>Dynamic scalings stretch to any length; elsewhere there is nothing behind the last position.</summary>
    private static void CheckLength(OptionProblems problems, EngineOptions options, ModelFacts facts)
    {
        var stretches = facts.DynamicRopeOrigin > 0;
        var longest = stretches ? Most : Math.Min(Most, facts.MaxLength);
        problems.Require(
            options.MaxModelLength is null || (options.MaxModelLength >= 1 && options.MaxModelLength <= longest),
            MaxModelLength, options.MaxModelLength, stretches ? Invariant($"1 to {longest}") : Invariant($"1 to {longest}, the positions that the model was made for"));
    }

    private static void CheckCache(OptionProblems problems, EngineOptions options, ModelFacts facts)
    {
        if (options.BlockSize is < 1 or > Most)
        {
            return;
        }

        var cache = facts.Cache with { Geometry = facts.Cache.Geometry with { BlockSize = options.BlockSize } };
        var (blocks, bytes) = (cache.MostBlocksOf(tokens: 1, chunk: 1), cache.Geometry.BytesPerBlock);
        var least = (Int128)blocks * bytes;
        problems.Require(
            options.KvCacheBytes >= least, KvCacheBytes, options.KvCacheBytes,
            Invariant($"{least} bytes or more: one token takes {blocks} {(blocks == 1 ? "block" : "blocks")} of {bytes} bytes; give it more, or make blocks smaller with {BlockSize}"));
    }
}
