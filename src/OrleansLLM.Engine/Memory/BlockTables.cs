namespace OrleansLLM.Engine;

/// <summary>
/// A sequence's blocks: one table a cache group, all of <see cref="Count"/> entries. Entry i holds the slots of positions
/// [i · block size, (i + 1) · block size); <see cref="Gone"/> is a block that fell out of its group's window. Also the hashes of its full blocks and,
/// while it is swapped out, its places in host memory. It has no entries before it has moved into a room.
/// </summary>
internal sealed class BlockTables(int groups)
{
    public const int Gone = -1;

    private readonly int[] _firstHeld = new int[groups];
    private SequenceRoom _room = SequenceRoom.None;

    /// <summary>Entries a group.</summary>
    public int Count { get; private set; }

    /// <summary>Chained hashes of the sequence's full blocks of tokens, computed or not.</summary>
    public ReadOnlySpan<PrefixHash> Hashes => _room.Hashes.AsSpan(0, HashCount);

    public int HashCount { get; private set; }

    /// <summary>Full blocks that the prefix cache was told of.</summary>
    public int Registered { get; set; }

    public ReadOnlySpan<int> Blocks(int group) => _room.Blocks[group].AsSpan(0, Count);

    /// <summary>While swapped out: where the blocks stand in host memory.</summary>
    public Span<int> HostBlocks(int group) => _room.HostBlocks[group].AsSpan(0, Count);

    public int Block(int group, int index) => _room.Blocks[group][index];

    /// <summary>Entries of that group before this one are gone.</summary>
    public int FirstHeld(int group) => _firstHeld[group];

    public void Replace(int group, int index, int block) => _room.Blocks[group][index] = block;

    /// <summary>One more entry in every group; the caller sets them.</summary>
    public int Extend() => Count++;

    public void MarkGone(int group, int index)
    {
        _room.Blocks[group][index] = Gone;
        _firstHeld[group] = Math.Max(_firstHeld[group], index + 1);
    }

    public void AddHash(PrefixHash hash) => _room.Hashes[HashCount++] = hash;

    public void CopyHashes(BlockTables from, int count)
    {
        HashCount = Math.Min(count, from.HashCount);
        from.Hashes[..HashCount].CopyTo(_room.Hashes);
    }

    public void Clear()
    {
        Count = 0;
        Registered = 0;
        Array.Clear(_firstHeld);
    }

    /// <summary>Moves into its first or a longer room; never while swapped out, when nothing is appended.</summary>
    public void MoveTo(SequenceRoom room)
    {
        Hashes.CopyTo(room.Hashes);
        for (var group = 0; group < _room.Blocks.Length; group++)
        {
            Blocks(group).CopyTo(room.Blocks[group]);
        }

        _room = room;
    }
}
