using OrleansLLM.Compute;

namespace OrleansLLM.Engine;

public enum PreemptionMode
{
    /// <summary>What the device says is cheaper.</summary>
    Auto,
    Recompute,
    Swap,
}

/// <summary>How an engine runs. Names and defaults follow <c>vllm serve</c> where it has the option.</summary>
public sealed record EngineOptions
{
    /// <summary>As requests name the model.</summary>
    public required string Model { get; init; }

    /// <summary>Tokens of prompt and output together; null = the model's own length.</summary>
    public int? MaxModelLength { get; init; }

    /// <summary>Slots a block.</summary>
    public int BlockSize { get; init; } = 16;

    /// <summary>Bytes of the block pool.</summary>
    public required long KvCacheBytes { get; init; }

    /// <summary>Bytes of host memory that preempted sequences may be swapped to.</summary>
    public long SwapBytes { get; init; }

    /// <summary>Tokens that one step computes at most.</summary>
    public int MaxBatchedTokens { get; init; } = 320;

    /// <summary>Sequences that one step computes at most.</summary>
    public int MaxSequences { get; init; } = 256;

    /// <summary>Requests that may wait beside those that a step has room for; more are refused.</summary>
    public int MaxWaitingRequests { get; init; } = 1024;

    /// <summary>How long a step should take at most: prompt tokens are computed in chunks that keep to it. Null = as the device asks, zero = any time.</summary>
    public TimeSpan? MaxStepTime { get; init; }

    /// <summary>Prompts that a step may leave unfinished.</summary>
    public int MaxPartialPrefills { get; init; } = 4;

    /// <summary>Of these, long ones.</summary>
    public int MaxLongPartialPrefills { get; init; } = 1;

    /// <summary>A prompt with more tokens to compute is long; null = 4 % of the model's length.</summary>
    public int? LongPrefillTokenThreshold { get; init; }

    public PreemptionMode Preemption { get; init; } = PreemptionMode.Auto;

    public PrefixCaching PrefixCaching { get; init; } = PrefixCaching.On;

    internal PrefillLimits LimitPrefills(int maxLength) =>
        new(MaxPartialPrefills, MaxLongPartialPrefills, LongPrefillTokenThreshold ?? (int)(maxLength * 0.04));

    /// <summary>Blocks of the pool.</summary>
    internal int CountBlocks(KvGeometry geometry) => CountBlocks(KvCacheBytes, geometry);

    /// <summary>Blocks of host memory to swap to: as many as the pool has where swapping is asked for and no size is given.</summary>
    internal int CountHostBlocks(KvGeometry geometry) => this switch
    {
        { Preemption: PreemptionMode.Recompute } => 0,
        { Preemption: PreemptionMode.Swap, SwapBytes: 0 } => CountBlocks(KvCacheBytes, geometry),
        _ => CountBlocks(SwapBytes, geometry),
    };

    private static int CountBlocks(long bytes, KvGeometry geometry) =>
        (int)Math.Min(Math.Max(0, bytes) / geometry.BytesPerBlock, Array.MaxLength / 64);
}

public enum PrefixCaching
{
    On,
    Off,
}
