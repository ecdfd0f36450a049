using System.Globalization;
using System.Numerics;

namespace OrleansLLM.Text.Tokenizers.Models;

/// <summary>
/// Strings and their ids, both ways, in a few flat arrays: loading allocates no string a token. Filled once, then read from any thread.
/// A string that is added again takes the later id.
/// </summary>
internal sealed class Vocabulary
{
    /// <summary>Larger ids are refused: no model has such a vocabulary, and the tables are as long as the largest id.</summary>
    public const int MaxId = (1 << 24) - 1;

    private const int None = -1;

    private readonly List<(int Start, int Length, int Id)> _entries;
    private char[] _characters;
    private int _used;
    private int[] _buckets;
    private int[] _next;
    private int[] _entryOfId;

    public Vocabulary(int capacity)
    {
        _entries = new List<(int, int, int)>(capacity);
        _characters = new char[Math.Max(64, capacity * 8)];
        _buckets = NewTable(capacity);
        _next = new int[Math.Max(16, capacity)];
        _entryOfId = new int[Math.Max(16, capacity)];
        Array.Fill(_entryOfId, None);
    }

    /// <summary>How many strings there are.</summary>
    public int Count => _entries.Count;

    /// <summary>One more than the largest id.</summary>
    public int Size { get; private set; }

    /// <exception cref="TokenizerException">The id is out of range.</exception>
    public void Add(ReadOnlySpan<char> token, int id)
    {
        if (id is < 0 or > MaxId)
        {
            throw new TokenizerException(string.Create(CultureInfo.InvariantCulture, $"the token '{token}' has the id {id}; ids go from 0 to {MaxId}"));
        }

        var hash = string.GetHashCode(token);
        var entry = FindEntry(token, hash);
        if (entry == None)
        {
            entry = _entries.Count;
            _entries.Add((Store(token), token.Length, id));
            Link(entry, hash);
        }
        else
        {
            _entries[entry] = _entries[entry] with { Id = id };
        }

        Name(id, entry);
    }

    public bool TryGetId(ReadOnlySpan<char> token, out int id)
    {
        var entry = FindEntry(token, string.GetHashCode(token));
        id = entry == None ? None : _entries[entry].Id;
        return entry != None;
    }

    public bool Contains(int id) => (uint)id < (uint)_entryOfId.Length && _entryOfId[id] != None;

    /// <summary>The string of an id, or nothing where there is none.</summary>
    public ReadOnlySpan<char> Find(int id) => Contains(id) ? Span(_entryOfId[id]) : default;

    /// <summary>The strings with their ids, as far as an id has one string only: of two strings with one id, the later.</summary>
    public List<KeyValuePair<string, int>> Strings()
    {
        var strings = new List<KeyValuePair<string, int>>(_entries.Count);
        for (var entry = 0; entry < _entries.Count; entry++)
        {
            if (_entryOfId[_entries[entry].Id] == entry)
            {
                strings.Add(KeyValuePair.Create(Span(entry).ToString(), _entries[entry].Id));
            }
        }

        return strings;
    }

    private ReadOnlySpan<char> Span(int entry) => _characters.AsSpan(_entries[entry].Start, _entries[entry].Length);

    private int FindEntry(ReadOnlySpan<char> token, int hash)
    {
        for (var entry = _buckets[hash & (_buckets.Length - 1)]; entry != None; entry = _next[entry])
        {
            if (Span(entry).SequenceEqual(token))
            {
                return entry;
            }
        }

        return None;
    }

    private int Store(ReadOnlySpan<char> token)
    {
        if (_used + token.Length > _characters.Length)
        {
            Array.Resize(ref _characters, Math.Max(_characters.Length * 2, _used + token.Length));
        }

        token.CopyTo(_characters.AsSpan(_used));
        _used += token.Length;
        return _used - token.Length;
    }

    private void Link(int entry, int hash)
    {
        if (entry == _next.Length)
        {
            Array.Resize(ref _next, _next.Length * 2);
        }

        if (_entries.Count > _buckets.Length)
        {
            _buckets = NewTable(_entries.Count * 2);
            for (var other = 0; other <= entry; other++)
            {
                Chain(other, string.GetHashCode(Span(other)));
            }
        }
        else
        {
            Chain(entry, hash);
        }
    }

    private void Chain(int entry, int hash)
    {
        ref var head = ref _buckets[hash & (_buckets.Length - 1)];
        _next[entry] = head;
        head = entry;
    }

    private void Name(int id, int entry)
    {
        if (id >= _entryOfId.Length)
        {
            var before = _entryOfId.Length;
            Array.Resize(ref _entryOfId, Math.Max(before * 2, id + 1));
            Array.Fill(_entryOfId, None, before, _entryOfId.Length - before);
        }

        _entryOfId[id] = entry;
        Size = Math.Max(Size, id + 1);
    }

    private static int[] NewTable(int capacity)
    {
        var table = new int[BitOperations.RoundUpToPowerOf2((uint)Math.Max(16, capacity))];
        Array.Fill(table, None);
        return table;
    }
}
