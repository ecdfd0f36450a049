using OrleansLLM.Compute;
using OrleansLLM.Engine;
using OrleansLLM.Models;

namespace OrleansLLM.Hosting;

/// <summary>How a model is loaded and run. Names and defaults follow <c>vllm serve</c> where it has the option.</summary>
public sealed record ModelOptions
{
    /// <summary>A Hugging Face folder, or a GGUF file (the first part of a split one).</summary>
    public required string Path { get; init; }

    /// <summary>What requests may call the model; the first is its name. Empty = the folder's or file's name.</summary>
    public IReadOnlyList<string> ServedNames { get; init; } = [];

    /// <summary>Tokens of prompt and output together; null = the model's own length.</summary>
    public int? MaxModelLength { get; init; }

    /// <summary>Sequences that one step computes at most.</summary>
    public int MaxSequences { get; init; } = 256;

    /// <summary>
    /// Tokens that one step computes at most. On a CPU a step of more is no faster a token, and everyone waits longer for it; with no more than
    /// <see cref="MaxSequences"/>, prompts wait for answers that run.
    /// </summary>
    public int MaxBatchedTokens { get; init; } = 320;

    /// <summary>Requests that may wait beside those that a step has room for; more are refused.</summary>
    public int MaxWaitingRequests { get; init; } = 1024;

    /// <inheritdoc cref="EngineOptions.MaxStepTime"/>
    public TimeSpan? MaxStepTime { get; init; }

    /// <inheritdoc cref="EngineOptions.MaxPartialPrefills"/>
    public int MaxPartialPrefills { get; init; } = 4;

    /// <inheritdoc cref="EngineOptions.MaxLongPartialPrefills"/>
    public int MaxLongPartialPrefills { get; init; } = 1;

    /// <inheritdoc cref="EngineOptions.LongPrefillTokenThreshold"/>
    public int? LongPrefillTokenThreshold { get; init; }

    /// <summary>Slots a cache block.</summary>
    public int BlockSize { get; init; } = 16;

    /// <summary>Bytes of the block pool; null = <see cref="KvPoolSize"/> decides.</summary>
    public long? KvCacheBytes { get; init; }

    /// <summary>How keys and values are kept.</summary>
    public ElementType KvCacheType { get; init; } = ElementType.BFloat16;

    public Arithmetic Arithmetic { get; init; } = Arithmetic.Auto;

    public PrefixCaching PrefixCaching { get; init; } = PrefixCaching.On;

    public PreemptionMode Preemption { get; init; } = PreemptionMode.Auto;

    /// <summary>Bytes of host memory that preempted sequences may be swapped to.</summary>
    public long SwapBytes { get; init; }

    /// <summary>Compute threads; null = as many as the machine or its container allows.</summary>
    public int? Threads { get; init; }

    /// <summary>Whether prompts can ask for faults.</summary>
    public FaultInjection FaultInjection { get; init; }

    /// <summary>The name that requests use.</summary>
    public string Name => ServedNames.Count > 0 ? ServedNames[0] : NameOf(Path);

    internal ModelLoadOptions ToLoad() => new(MaxBatchedTokens, BlockSize, KvCacheType);

    /// <param name="kvCacheBytes">Of the block pool.</param>
    internal EngineOptions ToEngine(long kvCacheBytes) => new()
    {
        Model = Name,
        MaxModelLength = MaxModelLength,
        BlockSize = BlockSize,
        KvCacheBytes = kvCacheBytes,
        SwapBytes = SwapBytes,
        MaxBatchedTokens = MaxBatchedTokens,
        MaxSequences = MaxSequences,
        MaxWaitingRequests = MaxWaitingRequests,
        MaxStepTime = MaxStepTime,
        MaxPartialPrefills = MaxPartialPrefills,
        MaxLongPartialPrefills = MaxLongPartialPrefills,
        LongPrefillTokenThreshold = LongPrefillTokenThreshold,
        Preemption = Preemption,
        PrefixCaching = PrefixCaching,
    };

    private static string NameOf(string path)
    {
        if (path.Length == 0)
        {
            return "";
        }

        var full = System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(path));
        return Directory.Exists(full) ? System.IO.Path.GetFileName(full) : System.IO.Path.GetFileNameWithoutExtension(full);
    }
}
