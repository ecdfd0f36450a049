using static System.FormattableString;

namespace OrleansLLM.Engine;

/// <summary>
/// All blocks of one engine, by id. Promises: take, share, release and evict are O(1) and allocate nothing; a block with references is
/// never handed out; a free block keeps its content until it is taken. Not thread safe: the step's thread owns it.
/// <para>
/// Free blocks form a doubly linked list threaded through the block array, its last element being the sentinel:
/// </para>
/// <code>
/// sentinel ⇄ without content ⇄ … ⇄ least recently used content ⇄ … ⇄ most recently used content ⇄ sentinel
/// </code>
/// Taken are first blocks without content, then blocks that were never used (their pages are untouched until then), then the content that
/// was used least recently.
/// </summary>
internal sealed class BlockPool
{
    private readonly Node[] _nodes;
    private readonly PrefixCache _prefixes;
    private readonly int _sentinel;
    private int _neverUsed;
    private int _listed;
    private int _listedWithContent;

    public BlockPool(int blocks, PrefixCache prefixes)
    {
        Total = blocks;
        _prefixes = prefixes;
        _nodes = new Node[blocks + 1];
        _sentinel = blocks;
        _nodes[_sentinel] = new Node { Previous = _sentinel, Next = _sentinel };
    }

    public int Total { get; }

    public int Free => Total - _neverUsed + _listed;

    public int Used => Total - Free;

    /// <summary>Free blocks whose content a prefix may still hit.</summary>
    public int Cached => _listedWithContent;

    public int References(int block) => _nodes[block].References;

    /// <summary>A block with one reference, whose content is forgotten.</summary>
    /// <exception cref="InvalidOperationException">None is free: the caller did not ask <see cref="Free"/>.</exception>
    public int Take()
    {
        var block = _nodes[_sentinel].Next;
        if (block != _sentinel && (!_prefixes.Holds(block) || _neverUsed == Total))
        {
            Unlink(block);
            _prefixes.Forget(block);
        }
        else if (_neverUsed < Total)
        {
            block = _neverUsed++;
        }
        else
        {
            throw new InvalidOperationException(Invariant($"All {Total} blocks are in use."));
        }

        _nodes[block].References = 1;
        return block;
    }

    /// <summary>One more reference, also to a free block that keeps its content.</summary>
    public void Share(int block)
    {
        if (_nodes[block].References++ == 0)
        {
            Unlink(block);
        }
    }

    /// <summary>One reference less; without any the block is free and keeps its content.</summary>
    public void Release(int block)
    {
        ref var node = ref _nodes[block];
        if (node.References == 0)
        {
            throw new InvalidOperationException(Invariant($"Block {block} is released more often than it was taken."));
        }

        if (--node.References > 0)
        {
            return;
        }

        _listed++;
        if (_prefixes.Holds(block))
        {
            _listedWithContent++;
            Link(block, _nodes[_sentinel].Previous, _sentinel);
        }
        else
        {
            Link(block, _sentinel, _nodes[_sentinel].Next);
        }
    }

    /// <summary>Nothing may hit the block's content any more; a free one is among the first to be taken.</summary>
    public void Forget(int block)
    {
        if (_nodes[block].References > 0)
        {
            _prefixes.Forget(block);
            return;
        }

        Unlink(block);
        _prefixes.Forget(block);
        _listed++;
        Link(block, _sentinel, _nodes[_sentinel].Next);
    }

    /// <summary>What contradicts a pool at rest (every block is free or cached), or null. O(blocks).</summary>
    public string? FindLeak()
    {
        var walked = 0;
        for (var block = _nodes[_sentinel].Next; block != _sentinel; block = _nodes[block].Next)
        {
            if (_nodes[block].References != 0 || ++walked > _listed)
            {
                return Invariant($"The free list holds block {block} with {_nodes[block].References} references, or runs in a circle.");
            }
        }

        for (var block = 0; block < _neverUsed; block++)
        {
            if (_nodes[block].References != 0)
            {
                return Invariant($"Block {block} still has {_nodes[block].References} references though nothing runs.");
            }
        }

        return walked != _neverUsed ? Invariant($"{_neverUsed} blocks were used, {walked} of them are in the free list.") : null;
    }

    private void Link(int block, int previous, int next)
    {
        _nodes[block].Previous = previous;
        _nodes[block].Next = next;
        _nodes[previous].Next = block;
        _nodes[next].Previous = block;
    }

    private void Unlink(int block)
    {
        ref var node = ref _nodes[block];
        _nodes[node.Previous].Next = node.Next;
        _nodes[node.Next].Previous = node.Previous;
        _listed--;
        if (_prefixes.Holds(block))
        {
            _listedWithContent--;
        }
    }

    private struct Node
    {
        public int Previous;
        public int Next;
        public int References;
    }
}
