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

        var most = (BytesOf(layout, maxLength) * options.MaxSequences) + BytesOfStep(layout, options.MaxBatchedTokens);
        var share = (long)(allowance.AvailableBytes * Share);
        return Math.Max(Math.Min(most, share), layout.Geometry.BytesPerBlock * layout.Groups.Count);
    }

    /// <summary>What one sequence of <paramref name="tokens"/> tokens holds: whole blocks, and no more than a window where a group has one.</summary>
    public static long BytesOf(CacheLayout layout, int tokens)
    {
        var size = layout.Geometry.BlockSize;
        long blocks = layout.Groups.Sum(group =>
            group.Window == 0 || group.Window >= tokens ? Ceiling(tokens, size) : Math.Min(Ceiling(tokens, size), Ceiling(group.Window, size) + 1));
        return blocks * layout.Geometry.BytesPerBlock;
    }

    /// <summary>What a step's new tokens hold behind the windows that they see, until the step is over.</summary>
    private static long BytesOfStep(CacheLayout layout, int tokens) =>
        layout.Groups.Count(group => group.Window > 0) * Ceiling(tokens, layout.Geometry.BlockSize) * layout.Geometry.BytesPerBlock;

    /// <summary>Tokens of one kind of sequence, as long as the model allows, that a pool of that size holds at once.</summary>
    public static long Tokens(CacheLayout layout, long poolBytes, int maxLength) =>
        (long)((double)poolBytes / BytesOf(layout, maxLength) * maxLength);

    private static long Ceiling(long value, long divisor) => (value + divisor - 1) / divisor;
}
