namespace OrleansLLM.Engine;

/// <summary>
/// A sequence's blocks: one table a cache group, all of <see cref="Count"/> entries. Entry i holds the slots of positions
/// [i · block size, (i + 1) · block size); <see cref="Gone"/> is a block that fell out of its group's window. Also the hashes of its full blocks and,
/// while it is swapped out, its places in host memory.
/// </summary>
internal sealed class BlockTables
{
    public const int Gone = -1;

    private readonly int[][] _blocks;
    private readonly int[] _firstHeld;

    public BlockTables(int groups, int capacity)
    {
        _blocks = new int[groups][];
        _firstHeld = new int[groups];
        for (var group = 0; group < groups; group++)
        {
            _blocks[group] = new int[capacity];
        }

        Hashes = new UInt128[capacity];
    }

    /// <summary>Entries a group.</summary>
    public int Count { get; private set; }

    /// <summary>Chained hashes of the sequence's full blocks of tokens, computed or not.</summary>
    public UInt128[] Hashes { get; private set; }

    public int HashCount { get; set; }

    /// <summary>Full blocks that the prefix cache was told of.</summary>
    public int Registered { get; set; }

    /// <summary>While swapped out: the host block of entry i of group g is HostBlocks[g · Count + i].</summary>
    public int[] HostBlocks { get; set; } = [];

    public ReadOnlySpan<int> Blocks(int group) => _blocks[group].AsSpan(0, Count);

    public int Block(int group, int index) => _blocks[group][index];

    /// <summary>Entries of that group before this one are gone.</summary>
    public int FirstHeld(int group) => _firstHeld[group];

    public void Replace(int group, int index, int block) => _blocks[group][index] = block;

    /// <summary>One more entry in every group; the caller sets them.</summary>
    public int Extend()
    {
        if (Count == _blocks[0].Length)
        {
            for (var group = 0; group < _blocks.Length; group++)
            {
                Array.Resize(ref _blocks[group], Count * 2);
            }
        }

        return Count++;
    }

    public void MarkGone(int group, int index)
    {
        _blocks[group][index] = Gone;
        _firstHeld[group] = Math.Max(_firstHeld[group], index + 1);
    }

    public void AddHash(UInt128 hash)
    {
        if (HashCount == Hashes.Length)
        {
            var longer = Hashes;
            Array.Resize(ref longer, HashCount * 2);
            Hashes = longer;
        }

        Hashes[HashCount++] = hash;
    }

    public void CopyHashes(BlockTables from, int count)
    {
        for (HashCount = 0; HashCount < Math.Min(count, from.HashCount);)
        {
            AddHash(from.Hashes[HashCount]);
        }
    }

    public void Clear()
    {
        Count = 0;
        Registered = 0;
        Array.Clear(_firstHeld);
    }
}
