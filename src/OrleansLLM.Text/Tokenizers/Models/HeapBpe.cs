namespace OrleansLLM.Text.Tokenizers.Models;

/// <summary>
/// Byte pair encoding (Sennrich et al. 2016): a piece's characters merge pair by pair, lowest rank first, of equal ranks the leftmost.
/// </summary>
/// <remarks>Thread-safe. A piece of n characters takes O(n log n), whatever it holds.</remarks>
internal sealed class HeapBpe(Vocabulary vocabulary, MergeTable merges, BpeOptions options)
{
    private const int QuickUnits = ByteCharacters.End;
    private const int Unknown = -1;

    [ThreadStatic]
    private static BpeWord? _scratch;

    private readonly int[] _quickIds = [.. Enumerable.Range(0, QuickUnits)
        .Select(unit => vocabulary.TryGetId([(char)unit], out var id) ? id : Unknown)];

    /// <summary>Adds the tokens of a piece.</summary>
    public void Tokenize(ReadOnlySpan<char> piece, List<ModelToken> tokens)
    {
        var word = _scratch ??= new BpeWord();
        _scratch = null;
        var vanishes = Split(piece, word);
        word.Merge(merges);
        var first = tokens.Count;
        word.AddTo(tokens);
        _scratch = word.Reset();
        if (vanishes)
        {
            PlaceByLength(piece, tokens, first);
        }
    }

    /// <summary>Returns whether characters vanished.</summary>
    private bool Split(ReadOnlySpan<char> piece, BpeWord word)
    {
        var pending = new ModelToken(Unknown, 0, 0);
        var vanishes = false;
        for (var start = 0; start < piece.Length;)
        {
            var end = start + Runes.LengthAt(piece, start);
            var id = IdOf(piece, start, end);
            if (id != Unknown)
            {
                Flush(word, ref pending);
                word.Add(id, start, end);
            }
            else if (!TryBytes(piece, start, end, word))
            {
                vanishes |= options.UnknownId is null;
                AddUnknown(word, ref pending, start, end);
            }

            start = end;
        }

        Flush(word, ref pending);
        return vanishes;
    }

    private void AddUnknown(BpeWord word, ref ModelToken pending, int start, int end)
    {
        if (options.UnknownId is { } unknown)
        {
            var fuses = pending.Id != Unknown && options.UnknownRuns == UnknownRuns.Fused;
            if (!fuses)
            {
                Flush(word, ref pending);
            }

            pending = new ModelToken(unknown, fuses ? pending.Start : start, end);
        }
    }

    /// <summary>
    /// Places tokens as the reference does where characters vanished: one behind the other from the piece's start, by their lengths in UTF-8,
    /// as if nothing were missing.
    /// </summary>
    private void PlaceByLength(ReadOnlySpan<char> piece, List<ModelToken> tokens, int first)
    {
        var units = new List<(int Start, int End)>();
        for (var start = 0; start < piece.Length;)
        {
            var end = start + Runes.LengthAt(piece, start);
            units.AddRange(Enumerable.Repeat((start, end), Runes.At(piece, start).Utf8SequenceLength));
            start = end;
        }

        var at = 0;
        for (var i = first; i < tokens.Count; i++)
        {
            var length = Math.Max(1, Length(piece[tokens[i].Start..tokens[i].End]));
            tokens[i] = tokens[i] with { Start = units[at].Start, End = units[Math.Min(at + length, units.Count) - 1].End };
            at = Math.Min(at + length, units.Count - 1);
        }
    }

    /// <summary>The UTF-8 length of the characters that did not vanish.</summary>
    private int Length(ReadOnlySpan<char> span)
    {
        var length = 0;
        for (var start = 0; start < span.Length; start += Runes.LengthAt(span, start))
        {
            var isKnown = vocabulary.TryGetId(Affixed(span, start, start + Runes.LengthAt(span, start)), out _);
            length += isKnown ? Runes.At(span, start).Utf8SequenceLength : 0;
        }

        return length;
    }

    private static void Flush(BpeWord word, ref ModelToken pending)
    {
        if (pending.Id != Unknown)
        {
            word.Add(pending.Id, pending.Start, pending.End);
            pending = new ModelToken(Unknown, 0, 0);
        }
    }

    private int IdOf(ReadOnlySpan<char> piece, int start, int end)
    {
        if (options.ContinuingPrefix.Length == 0 && options.EndOfWordSuffix.Length == 0)
        {
            return piece[start] < QuickUnits ? _quickIds[piece[start]]
                : vocabulary.TryGetId(piece[start..end], out var id) ? id : Unknown;
        }

        return vocabulary.TryGetId(Affixed(piece, start, end), out var affixed) ? affixed : Unknown;
    }

    private string Affixed(ReadOnlySpan<char> piece, int start, int end) => string.Concat(
        start == 0 ? string.Empty : options.ContinuingPrefix,
        piece[start..end],
        end == piece.Length ? options.EndOfWordSuffix : string.Empty);

    /// <summary>Adds the bytes of an unknown character, if the vocabulary has them all.</summary>
    private bool TryBytes(ReadOnlySpan<char> piece, int start, int end, BpeWord word)
    {
        if (options.ByteIds.Count == 0)
        {
            return false;
        }

        var bytes = System.Text.Encoding.UTF8.GetBytes(Affixed(piece, start, end));
        if (Array.Exists(bytes, value => options.ByteIds[value] < 0))
        {
            return false;
        }

        foreach (var value in bytes)
        {
            word.Add(options.ByteIds[value], start, end);
        }

        return true;
    }
}
