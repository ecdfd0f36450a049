using OrleansLLM.Compute;
using OrleansLLM.Models;

namespace OrleansLLM.Engine;

/// <summary>
/// The arrays of one sequence, for its first <see cref="Length"/> tokens. A sequence that outgrows them moves to the next room, twice as
/// long: however long an answer, it costs the step's thread a copy and no allocation.
/// </summary>
internal sealed class SequenceRoom(int length, CacheShape shape) : MadeAhead<SequenceRoom>
{
    /// <summary>Where a sequence is that waits: nothing fits in.</summary>
    public static readonly SequenceRoom None = new(0, new CacheShape(new CacheLayout(new KvGeometry(1, 0, 0, 0, 0, ElementType.Float32), []), 1));

    public int Length => Tokens.Length;

    public int[] Tokens { get; } = new int[length];

    /// <summary>[group][i]: the block that holds positions [i · block size, (i + 1) · block size).</summary>
    public int[][] Blocks { get; } = NewTables(shape.Groups.Count, shape.BlocksFor(length));

    /// <summary>As <see cref="Blocks"/>, in host memory.</summary>
    public int[][] HostBlocks { get; } = NewTables(shape.Groups.Count, shape.BlocksFor(length));

    public PrefixHash[] Hashes { get; } = new PrefixHash[shape.BlocksFor(length)];

    /// <summary>Null where no penalty looks at it.</summary>
    public SeenTokens? Seen { get; set; }

    /// <summary>For the first new tokens where they were asked for, until the sequence has taken it.</summary>
    public LogprobRoom? Logprobs { get; set; }

    /// <summary>The last quarter fills: time to make the next room.</summary>
    public bool IsAlmostFull(int count) => count >= Length - (Length / 4);

    protected override SequenceRoom MakeNext() => new(2 * Length, shape) { Seen = Seen is null ? null : new SeenTokens(2 * Length) };

    private static int[][] NewTables(int groups, int blocks)
    {
        var tables = new int[groups][];
        for (var group = 0; group < groups; group++)
        {
            tables[group] = new int[blocks];
        }

        return tables;
    }
}
