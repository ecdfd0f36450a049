namespace OrleansLLM.Engine;

/// <summary>
/// Which block holds which content. Promises: every operation is O(1) and allocates nothing; a block has one content at most and a
/// content one block at most. Any thread may look for a content; the step's thread does the rest.
/// </summary>
internal sealed class PrefixCache
{
    private readonly Dictionary<BlockContent, int> _blocks;
    private readonly BlockContent[] _contents;
    private readonly Lock _lock = new();

    public PrefixCache(int blocks)
    {
        _blocks = new Dictionary<BlockContent, int>(blocks);
        _contents = new BlockContent[blocks];
    }

    /// <summary>Blocks with a content, in use or free.</summary>
    public int Count => _blocks.Count;

    public bool TryFind(PrefixHash hash, int group, out int block)
    {
        lock (_lock)
        {
            return _blocks.TryGetValue(ContentOf(hash, group), out block);
        }
    }

    /// <summary>Whether the block has a content that a prefix may hit.</summary>
    public bool Holds(int block) => _contents[block] != default;

    /// <summary>Remembers a full block, unless another one with the same content is known.</summary>
    public void Add(PrefixHash hash, int group, int block)
    {
        var content = ContentOf(hash, group);
        if (Holds(block))
        {
            return;
        }

        lock (_lock)
        {
            if (_blocks.TryAdd(content, block))
            {
                _contents[block] = content;
            }
        }
    }

    /// <summary>The block is about to be written: nothing may hit it any more.</summary>
    public void Forget(int block)
    {
        if (!Holds(block))
        {
            return;
        }

        lock (_lock)
        {
            _blocks.Remove(_contents[block]);
            _contents[block] = default;
        }
    }

    private static BlockContent ContentOf(PrefixHash hash, int group) => new(hash, group + 1);

    /// <param name="GroupNumber">Counted from 1, so that memory which was never touched means no content.</param>
    private readonly record struct BlockContent(PrefixHash Hash, int GroupNumber);
}
