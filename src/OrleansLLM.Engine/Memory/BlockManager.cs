using OrleansLLM.Compute;
using static System.FormattableString;

namespace OrleansLLM.Engine;

/// <summary>
/// Which blocks a sequence holds in every cache group. Promises: a slot is taken when a token needs it; a block with more than one
/// reference is copied before it is written, also the partial last one; full blocks are shared by content hash; blocks behind every window are
/// freed; the last block is released first, so a prefix's beginning stays longest. Not thread safe: the step's thread owns it.
/// </summary>
internal sealed class BlockManager
{
    private readonly CacheShape _shape;
    private readonly PrefixHasher _hasher;
    private readonly PrefixCache _prefixes;
    private readonly SharedPrefixes _shared;
    private readonly PrefixCaching _caching;
    private readonly List<int> _copiedFrom = [];

    public BlockManager(int blocks, CacheShape shape, PrefixHasher hasher, PrefixCaching caching)
    {
        _shape = shape;
        _hasher = hasher;
        _caching = caching;
        _prefixes = new PrefixCache(blocks);
        Pool = new BlockPool(blocks, _prefixes);
        _shared = new SharedPrefixes(shape, hasher, _prefixes, Pool);
    }

    public BlockPool Pool { get; }

    public CacheShape Shape => _shape;

    /// <summary>Sources of this step's copies: they come back when the copies are made.</summary>
    public int Returning => _copiedFrom.Count;

    /// <summary>Blocks that a sequence must take to come back from host memory and write one more token.</summary>
    public int NeededToReturn(Sequence sequence)
    {
        var needed = _shape.BlocksFor(sequence.Computed + 1) > sequence.Tables.Count ? _shape.Groups.Count : 0;
        for (var group = 0; group < _shape.Groups.Count; group++)
        {
            needed += sequence.Tables.Count - sequence.Tables.FirstHeld(group);
        }

        return needed;
    }

    /// <summary>Blocks at the beginning of these tokens that every group can restore now.</summary>
    public int Match(ReadOnlySpan<PrefixHash> hashes) => _caching == PrefixCaching.Off ? 0 : _shared.Match(hashes);

    /// <summary>Tokens of the sequence that would count as computed if it were admitted now.</summary>
    public int CountCached(Sequence sequence)
    {
        if (_caching == PrefixCaching.Off || sequence.NeedsWholePrompt)
        {
            return 0;
        }

        sequence.MakeRoom();
        return _shared.CountCached(sequence);
    }

    /// <summary>Takes what the cache holds of the sequence's tokens; returns how many count as computed now.</summary>
    public int Restore(Sequence sequence) =>
        _caching == PrefixCaching.Off || sequence.NeedsWholePrompt ? 0 : _shared.Restore(sequence);

    /// <summary>
    /// Makes the slots of the next <paramref name="count"/> tokens writable, or changes nothing and returns false where too few blocks are free.
    /// </summary>
    public bool TryPrepare(Sequence sequence, int count, List<BlockCopy> copies)
    {
        var tables = sequence.Tables;
        var added = _shape.BlocksFor(sequence.Computed + count) - tables.Count;
        var written = sequence.Computed / _shape.BlockSize;
        var needed = added * _shape.Groups.Count;
        for (var group = 0; written < tables.Count && group < _shape.Groups.Count; group++)
        {
            needed += IsShared(tables.Block(group, written)) ? 1 : 0;
        }

        if (needed > Pool.Free)
        {
            return false;
        }

        for (var group = 0; written < tables.Count && group < _shape.Groups.Count; group++)
        {
            MakeWritable(tables, group, written, sequence.Computed % _shape.BlockSize, copies);
        }

        for (; added > 0; added--)
        {
            var index = tables.Extend();
            for (var group = 0; group < _shape.Groups.Count; group++)
            {
                tables.Replace(group, index, Pool.Take());
            }
        }

        return true;
    }

    /// <summary>The step's copies are made: their sources may be written and taken.</summary>
    public void ReleaseCopied()
    {
        foreach (var block in _copiedFrom)
        {
            Pool.Release(block);
        }

        _copiedFrom.Clear();
    }

    /// <summary>After a step: shares what became full and frees what fell out of its window.</summary>
    public void Commit(Sequence sequence)
    {
        if (_caching == PrefixCaching.On)
        {
            _shared.Register(sequence);
        }

        var tables = sequence.Tables;
        for (var group = 0; group < _shape.Groups.Count; group++)
        {
            var keep = Math.Min(_shape.FirstNeeded(group, sequence.Computed), tables.Count);
            for (var index = keep - 1; index >= tables.FirstHeld(group); index--)
            {
                Pool.Release(tables.Block(group, index));
                tables.Replace(group, index, BlockTables.Gone);
            }

            if (keep > tables.FirstHeld(group))
            {
                tables.MarkGone(group, keep - 1);
            }
        }
    }

    /// <summary>Nothing hits what the sequence has computed any more, also what has fallen out of its windows.</summary>
    public void Forget(Sequence sequence) => _shared.Forget(sequence);

    /// <summary>
    /// Gives <paramref name="child"/> references to the blocks of the parent's first <paramref name="computed"/> tokens, the last one
    /// possibly partial. False, and nothing changes, where the parent has freed a block that the child needs, or turned its keys otherwise.
    /// </summary>
    public bool TryShare(Sequence parent, Sequence child, int computed)
    {
        if (_hasher.RopeLength(parent.PromptLength) != _hasher.RopeLength(child.PromptLength))
        {
            return false;
        }

        var count = _shape.BlocksFor(computed);
        for (var group = 0; group < _shape.Groups.Count; group++)
        {
            if (parent.Tables.FirstHeld(group) > _shape.FirstNeeded(group, computed))
            {
                return false;
            }
        }

        for (var index = 0; index < count; index++)
        {
            child.Tables.Extend();
            for (var group = 0; group < _shape.Groups.Count; group++)
            {
                ShareEntry(parent.Tables, child.Tables, group, index, computed);
            }
        }

        var full = computed / _shape.BlockSize;
        child.Tables.CopyHashes(parent.Tables, full);
        child.Tables.Registered = Math.Min(full, parent.Tables.Registered);
        child.Computed = computed;
        return true;
    }

    /// <summary>Releases all blocks of a sequence, last first; nothing of it is computed then.</summary>
    public void Free(Sequence sequence)
    {
        ReleaseBlocks(sequence);
        sequence.Tables.Clear();
        sequence.Computed = 0;
    }

    /// <summary>Releases the blocks, last first, and leaves the table's length: their content stands in host memory.</summary>
    public void ReleaseBlocks(Sequence sequence)
    {
        var tables = sequence.Tables;
        for (var index = tables.Count - 1; index >= 0; index--)
        {
            for (var group = 0; group < _shape.Groups.Count; group++)
            {
                if (index >= tables.FirstHeld(group))
                {
                    Pool.Release(tables.Block(group, index));
                }
            }
        }
    }

    /// <summary>What contradicts a pool at rest, or null.</summary>
    public string? FindLeak()
    {
        var leak = Pool.FindLeak();
        return leak is null && _prefixes.Count != Pool.Cached
            ? Invariant($"The prefix cache knows {_prefixes.Count} blocks, but {Pool.Cached} free ones have a content.")
            : leak;
    }

    private void MakeWritable(BlockTables tables, int group, int index, int slots, List<BlockCopy> copies)
    {
        var block = tables.Block(group, index);
        if (!IsShared(block))
        {
            _prefixes.Forget(block);
            return;
        }

        var copy = Pool.Take();
        tables.Replace(group, index, copy);
        copies.Add(new BlockCopy(block, copy, slots));
        _copiedFrom.Add(block);
    }

    /// <summary>Whether anybody else needs the block as it is, once this step's copies are made.</summary>
    private bool IsShared(int block)
    {
        var references = Pool.References(block);
        for (var i = 0; references > 1 && i < _copiedFrom.Count; i++)
        {
            references -= _copiedFrom[i] == block ? 1 : 0;
        }

        return references > 1;
    }

    private void ShareEntry(BlockTables parent, BlockTables child, int group, int index, int computed)
    {
        if (index < _shape.FirstNeeded(group, computed))
        {
            child.MarkGone(group, index);
            return;
        }

        Pool.Share(parent.Block(group, index));
        child.Replace(group, index, parent.Block(group, index));
    }
}
