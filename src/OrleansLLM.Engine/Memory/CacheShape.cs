using OrleansLLM.Models;

namespace OrleansLLM.Engine;

/// <summary>The cache groups as the scheduler counts them.</summary>
/// <param name="MaxChunk">Tokens that one step computes of one sequence at most.</param>
internal sealed record CacheShape(int BlockSize, IReadOnlyList<CacheGroup> Groups, int MaxChunk)
{
    /// <summary>Entries of a block table that reaches over that many tokens.</summary>
    public int BlocksFor(int tokens) => (tokens + BlockSize - 1) / BlockSize;

    /// <summary>The first table entry that a query at <paramref name="position"/> needs in a group of that window.</summary>
    public int FirstNeeded(int window, int position) => window == 0 ? 0 : Math.Max(0, position - window + 1) / BlockSize;

    /// <summary>Blocks that one sequence holds at most, in all groups, while it grows to that many tokens.</summary>
    public int MostBlocksFor(int tokens)
    {
        var blocks = 0;
        foreach (var group in Groups)
        {
            var all = BlocksFor(tokens);
            var span = group.Window + MaxChunk;
            blocks += group.Window == 0 ? all : Math.Min(all, BlocksFor(span) + 1);
        }

        return blocks;
    }

    /// <summary>The most tokens, up to <paramref name="limit"/>, that one sequence can hold in a pool of that many blocks.</summary>
    public int MostTokensIn(int blocks, int limit)
    {
        var (fits, tooMany) = (0, limit + 1);
        while (tooMany - fits > 1)
        {
            var middle = fits + ((tooMany - fits) / 2);
            (fits, tooMany) = MostBlocksFor(middle) <= blocks ? (middle, tooMany) : (fits, middle);
        }

        return fits;
    }
}
