using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace OrleansLLM.Text.Tokenizers.Normalizers;

/// <summary>
/// SentencePiece's table of characters and what they become (Kudo and Richardson 2018), a double-array trie (Aoe 1989) as Hugging Face's
/// tokenizers read it: a short grapheme cluster is looked up as a whole, else each of its characters; of the entries that begin there the
/// shortest counts.
/// </summary>
internal sealed class PrecompiledNormalizer : INormalizer
{
    /// <summary>Longer clusters, in UTF-8 bytes, are looked up by character.</summary>
    private const int MaxCluster = 5;

    private readonly uint[] _trie;
    private readonly byte[] _replacements;

    private PrecompiledNormalizer(uint[] trie, byte[] replacements) => (_trie, _replacements) = (trie, replacements);

    public static PrecompiledNormalizer Read(TokenizerComponent component)
    {
        const string Name = "precompiled_charsmap";
        var text = component.String(Name);
        var map = new byte[text.Length];
        if (!Convert.TryFromBase64String(text, map, out var length) || length < sizeof(uint))
        {
            throw component.Wrong(Name, "a table in base64");
        }

        var size = BinaryPrimitives.ReadUInt32LittleEndian(map);
        if (size == 0 || size % sizeof(uint) != 0 || size > length - sizeof(uint))
        {
            throw component.Wrong(Name, "a table that holds the trie whose size it begins with");
        }

        var trie = new uint[size / sizeof(uint)];
        for (var unit = 0; unit < trie.Length; unit++)
        {
            trie[unit] = BinaryPrimitives.ReadUInt32LittleEndian(map.AsSpan(sizeof(uint) * (unit + 1)));
        }

        return new PrecompiledNormalizer(trie, map[(sizeof(uint) + (int)size)..length]);
    }

    public AlignedText Normalize(AlignedText text)
    {
        var changes = new List<(Rune Rune, int Change)>(text.Text.Length);
        var isChanged = false;
        for (var start = 0; start < text.Text.Length;)
        {
            var cluster = text.Text.AsSpan(start, StringInfo.GetNextTextElementLength(text.Text.AsSpan(start)));
            isChanged |= Encoding.UTF8.GetByteCount(cluster) <= MaxCluster && TryReplace(cluster, changes) || ReplaceEach(cluster, changes);
            start += cluster.Length;
        }

        return isChanged ? Apply(text, changes) : text;
    }

    private static AlignedText Apply(AlignedText text, List<(Rune Rune, int Change)> changes)
    {
        var builder = new AlignedTextBuilder(text);
        foreach (var (rune, change) in changes)
        {
            if (change > 0)
            {
                builder.Insert(rune);
                continue;
            }

            builder.Replace(rune);
            for (var removed = 0; removed > change && builder.Position < text.Text.Length; removed--)
            {
                builder.Skip();
            }
        }

        return builder.FinishHere();
    }

    private bool ReplaceEach(ReadOnlySpan<char> cluster, List<(Rune Rune, int Change)> changes)
    {
        var isChanged = false;
        for (var start = 0; start < cluster.Length;)
        {
            var length = Runes.LengthAt(cluster, start);
            if (TryReplace(cluster.Slice(start, length), changes))
            {
                isChanged = true;
            }
            else
            {
                changes.Add((Runes.At(cluster, start), 0));
            }

            start += length;
        }

        return isChanged;
    }

    /// <summary>Adds what characters become: as many as there were replace them, further ones are inserted, missing ones go with the one before.</summary>
    private bool TryReplace(ReadOnlySpan<char> characters, List<(Rune Rune, int Change)> changes)
    {
        if (Find(characters) is not { } replacement)
        {
            return false;
        }

        var before = 0;
        foreach (var _ in characters.EnumerateRunes())
        {
            before++;
        }

        foreach (var rune in replacement.EnumerateRunes())
        {
            changes.Add((rune, before > 0 ? 0 : 1));
            before--;
        }

        if (before > 0 && changes.Count > 0)
        {
            changes[^1] = changes[^1] with { Change = changes[^1].Change - before };
        }

        return true;
    }

    /// <summary>What the shortest entry that the characters begin with becomes, or null.</summary>
    private string? Find(ReadOnlySpan<char> characters)
    {
        Span<byte> utf8 = stackalloc byte[MaxCluster];
        var node = Offset(_trie[0]);
        foreach (var value in utf8[..Encoding.UTF8.GetBytes(characters, utf8)])
        {
            node ^= value;
            if (value == 0 || node >= _trie.Length || (_trie[node] & 0x800000FF) != value)
            {
                return null;
            }

            var hasEntry = (_trie[node] & 0x100) != 0;
            node ^= Offset(_trie[node]);
            if (hasEntry)
            {
                return node < _trie.Length ? Replacement(_trie[node] & int.MaxValue) : null;
            }
        }

        return null;
    }

    private string? Replacement(uint start)
    {
        if (start >= _replacements.Length)
        {
            return null;
        }

        var text = _replacements.AsSpan((int)start);
        var end = text.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? text : text[..end]);
    }

    private static uint Offset(uint unit) => (unit >> 10) << (int)((unit & 0x200) >> 6);
}
