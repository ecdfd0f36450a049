using OrleansLLM.Models;

namespace OrleansLLM.Hosting;

/// <summary>
/// How large the block pool is. Given bytes are taken as they are; else it is half of the memory that is still available once the weights
/// are there, but never more than the largest batch of the longest sequences can use. Pages of blocks cost nothing until they are used.
/// </summary>
public static class KvPoolSize
{
    /// <summary>The other half stays for activations, the managed heap, the page cache and the neighbours.</summary>
    public const double Share = 0.5;

    /// <summary>Bytes of the pool for a model of that layout; at least one block a cache group.</summary>
    /// <param name="maxLength">Tokens of one sequence at most.</param>
    public static long Choose(MemoryAllowance allowance, CacheLayout layout, ModelOptions options, int maxLength)
    {
        if (options.KvCacheBytes is { } given)
        {
            return given;
        }

        var blocks = ((long)layout.MostBlocksOf(maxLength, chunk: 1) * options.MaxSequences) + BlocksOfStep(layout, options.MaxBatchedTokens);
        var share = (long)(allowance.AvailableBytes * Share);
        return Math.Max(Math.Min(blocks * layout.Geometry.BytesPerBlock, share), layout.Geometry.BytesPerBlock * layout.Groups.Count);
    }

    /// <summary>What one sequence of that many tokens holds while it decodes.</summary>
    public static long BytesOf(CacheLayout layout, int tokens) => layout.MostBlocksOf(tokens, chunk: 1) * layout.Geometry.BytesPerBlock;

    /// <summary>What a step's new tokens hold behind what their sequences still see, until the step is over: a group that keeps all has them counted.</summary>
    private static long BlocksOfStep(CacheLayout layout, int tokens) =>
        (long)layout.Groups.Count(group => !group.KeepsAll) * layout.BlocksFor(tokens);

    /// <summary>Tokens of one kind of sequence, as long as the model allows, that a pool of that size holds at once.</summary>
    public static long Tokens(CacheLayout layout, long poolBytes, int maxLength) =>
        (long)((double)poolBytes / BytesOf(layout, maxLength) * maxLength);
}
