using OrleansLLM.Models;

namespace OrleansLLM.Engine;

/// <summary>The cache groups as the scheduler counts them.</summary>
/// <param name="MaxChunk">Tokens that one step computes of one sequence at most.</param>
internal sealed record CacheShape(CacheLayout Layout, int MaxChunk)
{
    public int BlockSize { get; } = Layout.Geometry.BlockSize;

    public IReadOnlyList<CacheGroup> Groups { get; } = Layout.Groups;

    /// <summary>Entries of a block table that reaches over that many tokens.</summary>
    public int BlocksFor(int tokens) => Layout.BlocksFor(tokens);

    /// <summary>The first table entry that a query at <paramref name="position"/> needs in that group.</summary>
    public int FirstNeeded(int group, int position) => Groups[group].NeededFrom(position) / BlockSize;

    /// <summary>The most tokens, up to <paramref name="limit"/>, that one sequence can hold in a pool of that many blocks.</summary>
    public int MostTokensIn(int blocks, int limit)
    {
        var (fits, tooMany) = (0, limit + 1);
        while (tooMany - fits > 1)
        {
            var middle = fits + ((tooMany - fits) / 2);
            (fits, tooMany) = Layout.MostBlocksOf(middle, MaxChunk) <= blocks ? (middle, tooMany) : (fits, middle);
        }

        return fits;
    }
}
