namespace OrleansLLM.Cluster;

/// <summary>
/// Which prompts a worker has seen lately: chunk hashes, least recently used out first, as many as its cache can hold. A guess at what
/// the worker has cached, without asking it. Not thread safe.
/// </summary>
internal sealed class PrefixIndex(int capacity)
{
    private readonly Dictionary<long, LinkedListNode<long>> _nodes = [];
    private readonly LinkedList<long> _recent = [];

    /// <summary>Leading chunks of the prompt that are known.</summary>
    public int Match(ReadOnlySpan<byte> hashes)
    {
        var matched = 0;
        while (matched < PrefixChunks.Count(hashes) && _nodes.ContainsKey(PrefixChunks.At(hashes, matched)))
        {
            matched++;
        }

        return matched;
    }

    /// <summary>Notes a prompt that the worker gets; its last chunks are the first to be forgotten.</summary>
    public void Add(ReadOnlySpan<byte> hashes)
    {
        for (var chunk = PrefixChunks.Count(hashes) - 1; chunk >= 0; chunk--)
        {
            var hash = PrefixChunks.At(hashes, chunk);
            if (_nodes.Remove(hash, out var known))
            {
                _recent.Remove(known);
            }

            _nodes.Add(hash, _recent.AddFirst(hash));
        }

        while (_nodes.Count > capacity)
        {
            _nodes.Remove(_recent.Last!.Value);
            _recent.RemoveLast();
        }
    }
}
