using static System.FormattableString;

namespace OrleansLLM.Engine;

/// <summary>
/// What sequences share by content: full blocks under the chained hash of all tokens up to their end. Promises: a prefix hit is what every cache
/// group can restore, all of it in a full group and what the next query sees in a window group; a match takes O(blocks).
/// Not thread safe, the step's thread owns it, but for <see cref="Match(ReadOnlySpan{PrefixHash})"/>.
/// </summary>
internal sealed class SharedPrefixes(CacheShape shape, PrefixHasher hasher, PrefixCache cache, BlockPool pool)
{
    /// <summary>Blocks at the beginning of these tokens that every group can restore now. May be called from any thread.</summary>
    public int Match(ReadOnlySpan<PrefixHash> hashes) => Match(hashes, stackalloc int[shape.Groups.Count]);

    /// <summary>
    /// Takes what the cache holds of the sequence's tokens, but for its last token, whose logits are needed. Returns the tokens that
    /// count as computed now.
    /// </summary>
    public int Restore(Sequence sequence)
    {
        var tables = sequence.Tables;
        var blocks = CountCached(sequence) / shape.BlockSize;
        for (var index = 0; index < blocks; index++)
        {
            tables.Extend();
            for (var group = 0; group < shape.Groups.Count; group++)
            {
                RestoreEntry(tables, group, index, blocks);
            }
        }

        tables.Registered = blocks;
        sequence.Computed = blocks * shape.BlockSize;
        return sequence.Computed;
    }

    /// <summary>The tokens that <see cref="Restore"/> would take.</summary>
    public int CountCached(Sequence sequence)
    {
        var full = (sequence.Count - 1) / shape.BlockSize;
        hasher.Hash(sequence, full);
        return Match(sequence.Tables.Hashes[..full]) * shape.BlockSize;
    }

    /// <summary>Remembers the sequence's blocks that became full since the last time.</summary>
    public void Register(Sequence sequence)
    {
        var tables = sequence.Tables;
        var full = sequence.Computed / shape.BlockSize;
        hasher.Hash(sequence, full);
        for (var index = tables.Registered; index < full; index++)
        {
            for (var group = 0; group < shape.Groups.Count; group++)
            {
                if (index >= tables.FirstHeld(group))
                {
                    cache.Add(tables.Hashes[index], group, tables.Block(group, index));
                }
            }
        }

        tables.Registered = full;
    }

    /// <summary>Forgets the contents that the sequence's blocks were registered under, whoever holds them now.</summary>
    public void Forget(Sequence sequence)
    {
        foreach (var hash in sequence.Tables.Hashes[..sequence.Tables.Registered])
        {
            for (var group = 0; group < shape.Groups.Count; group++)
            {
                if (cache.TryFind(hash, group, out var block))
                {
                    pool.Forget(block);
                }
            }
        }
    }

    /// <param name="runs">A number a group, all 0: found blocks without a gap.</param>
    private int Match(ReadOnlySpan<PrefixHash> hashes, Span<int> runs)
    {
        var best = 0;
        for (var index = 0; index < hashes.Length && TryLengthen(runs, hashes[index]); index++)
        {
            best = CanRestore(runs, index + 1) ? index + 1 : best;
        }

        return best;
    }

    private bool TryLengthen(Span<int> runs, PrefixHash hash)
    {
        for (var group = 0; group < runs.Length; group++)
        {
            var found = cache.TryFind(hash, group, out _);
            if (!found && shape.Groups[group].KeepsAll)
            {
                return false;
            }

            runs[group] = found ? runs[group] + 1 : 0;
        }

        return true;
    }

    private bool CanRestore(ReadOnlySpan<int> runs, int blocks)
    {
        for (var group = 0; group < runs.Length; group++)
        {
            if (runs[group] < blocks - shape.FirstNeeded(group, blocks * shape.BlockSize))
            {
                return false;
            }
        }

        return true;
    }

    private void RestoreEntry(BlockTables tables, int group, int index, int blocks)
    {
        if (index < shape.FirstNeeded(group, blocks * shape.BlockSize))
        {
            tables.MarkGone(group, index);
            return;
        }

        if (!cache.TryFind(tables.Hashes[index], group, out var block))
        {
            throw new InvalidOperationException(Invariant($"Block {index} of group {group} was matched but is not in the prefix cache."));
        }

        pool.Share(block);
        tables.Replace(group, index, block);
    }
}
