namespace OrleansLLM.Engine;

/// <summary>
/// Everything an engine counted since it started, and what it holds as of its last step: what the statistics line and the meters are made of.
/// Two snapshots and the time between them give throughputs.
/// </summary>
/// <param name="PromptTokens">Of prompts that were computed to their end, cached ones included.</param>
/// <param name="CachedPromptTokens">Of these, what came from the prefix cache at admission.</param>
/// <param name="PrefixQueries">Tokens that were looked for in the prefix cache.</param>
/// <param name="Failures">Steps that a device's error ended or whose logits were no numbers, and transfers of blocks that it failed at.</param>
/// <param name="StepTokenBudget">Prompt tokens that the next step may compute.</param>
public readonly record struct EngineStatistics(
    EngineLoad Load, long PromptTokens, long CachedPromptTokens, long GeneratedTokens, long PrefixQueries, long PrefixHits,
    long PreemptionsByRecompute, long PreemptionsBySwap, long Failures, int StepTokenBudget)
{
    /// <summary>The engine computes nothing any more: its loop failed, or is stuck.</summary>
    public bool HasFailed { get; init; }

    /// <summary>Tokens of prompts and answers that were computed for sequences which another engine had begun.</summary>
    public long RecomputedTokens { get; init; }

    public long Preemptions => PreemptionsByRecompute + PreemptionsBySwap;

    /// <summary>Blocks that sequences hold, 0 to 1.</summary>
    public double KvUsage => Load.TotalBlocks == 0 ? 0 : (double)Load.UsedBlocks / Load.TotalBlocks;

    /// <summary>Since the start, 0 to 1.</summary>
    public double PrefixHitRate => PrefixQueries == 0 ? 0 : (double)PrefixHits / PrefixQueries;
}
