using OrleansLLM.Compute;

namespace OrleansLLM.Models;

/// <summary>
/// The cache groups of a model: layers whose cache has one lifetime, cut so that a block of each takes the same bytes. A group with
/// fewer layers than <see cref="KvGeometry.LayersPerBlock"/> leaves the rest of its blocks untouched.
/// </summary>
public sealed record CacheLayout(KvGeometry Geometry, IReadOnlyList<CacheGroup> Groups)
{
    /// <summary>Entries of a block table that reaches over that many tokens.</summary>
    public int BlocksFor(int tokens) => (tokens / Geometry.BlockSize) + (tokens % Geometry.BlockSize > 0 ? 1 : 0);

    /// <summary>
    /// Blocks that one sequence holds at most, in all groups, while it grows to <paramref name="tokens"/> tokens and a step computes
    /// <paramref name="chunk"/> of them at most (1 = it decodes).
    /// </summary>
    public int MostBlocksOf(int tokens, int chunk)
    {
        var blocks = 0;
        foreach (var group in Groups)
        {
            // The step's first query stands at tokens - chunk, so the slots [its first needed one, tokens) are held. Wherever they begin
            // inside a block, n slots touch at most ceil(n / block size) + 1 blocks.
            var held = tokens - group.NeededFrom(Math.Max(0, tokens - chunk));
            blocks += Math.Min(BlocksFor(tokens), BlocksFor(held) + 1);
        }

        return blocks;
    }
}

/// <summary>
/// Layers whose cache has one lifetime. It answers what the engine asks of it; nobody else knows its rule:
/// <code>
/// window 4, position 9:   0 1 2 3 4 5 | 6 7 8 9      needed from 6: the query at 9 sees four keys, its own included
/// </code>
/// </summary>
/// <param name="Window">A query sees that many keys, its own included; 0 = all.</param>
public sealed record CacheGroup(int Window)
{
    /// <summary>Every key is needed to the end: a prefix can be restored as a whole only, and no block is freed before the sequence ends.</summary>
    public bool KeepsAll => Window == 0;

    /// <summary>The first position whose key a query at <paramref name="position"/> sees; what lies before it can be freed.</summary>
    public int NeededFrom(int position) => KeepsAll ? 0 : Math.Max(0, position - Window + 1);
}
