namespace OrleansLLM.Compute;

/// <summary>What a device says about itself.</summary>
/// <param name="Name">For people, such as "CPU, AVX2, 2 threads".</param>
/// <param name="Kind">Part of a worker's fingerprint: devices of one kind give the same bits for the same model.</param>
/// <param name="Determinism">Whether rows depend on what else is in the batch.</param>
/// <param name="CheaperPreemption">What preemption mode auto takes here.</param>
public sealed record DeviceDescription(
    string Name, string Kind, BatchDeterminism Determinism, PreemptionCost CheaperPreemption)
{
    /// <summary>How long a step should take at most, so that running answers stream on while prompts are computed; null = steps are short anyway.</summary>
    public TimeSpan? StepTime { get; init; }
}

public enum BatchDeterminism
{
    /// <summary>A row has the same bits alone and in any batch, chunk or thread count.</summary>
    RowsIndependent,

    /// <summary>Rows can differ in the last bits with what else is in the batch.</summary>
    RowsVaryWithBatch,
}

public enum PreemptionCost
{
    RecomputeIsCheaper,
    SwapIsCheaper,
}
