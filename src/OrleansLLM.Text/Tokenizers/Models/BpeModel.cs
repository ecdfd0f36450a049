using System.Globalization;

namespace OrleansLLM.Text.Tokenizers.Models;

/// <summary>How a BPE model treats its pieces.</summary>
internal sealed record BpeOptions
{
    /// <summary>Put before every character of a piece but the first.</summary>
    public string ContinuingPrefix { get; init; } = string.Empty;

    /// <summary>Put behind a piece's last character.</summary>
    public string EndOfWordSuffix { get; init; } = string.Empty;

    /// <summary>What a character becomes that is not in the vocabulary; without it, such characters vanish.</summary>
    public int? UnknownId { get; init; }

    public UnknownRuns UnknownRuns { get; init; }

    public WholePieces WholePieces { get; init; }

    /// <summary>The ids of &lt;0x00&gt; to &lt;0xFF&gt; that stand for the bytes of an unknown character, -1 where there is none; empty: no fallback.</summary>
    public IReadOnlyList<int> ByteIds { get; init; } = [];

    public static IReadOnlyList<int> FindByteIds(Vocabulary vocabulary) => [.. Enumerable.Range(0, 256)
        .Select(value => vocabulary.TryGetId(string.Create(CultureInfo.InvariantCulture, $"<0x{value:X2}>"), out var id) ? id : -1)];
}

/// <summary>Whether neighbouring unknown characters are one token.</summary>
internal enum UnknownRuns
{
    Separate,
    Fused,
}

/// <summary>Whether a piece that is in the vocabulary is one token, whatever the merges say.</summary>
internal enum WholePieces
{
    Merged,
    LookedUp,
}

/// <summary>
/// Byte pair encoding (Sennrich et al. 2016): a piece's characters merge pair by pair, lowest rank first, of equal ranks the leftmost.
/// </summary>
/// <remarks>
/// Thread-safe. A piece of n characters takes O(n log n), whatever it holds: Microsoft.ML.Tokenizers' BpeTokenizer gives the same ids
/// (a test compares) but takes O(n²), 6 s for an unbroken word of 192,000 characters, and builds its tables three times slower.
/// </remarks>
internal sealed class BpeModel : ITokenModel
{
    private const int QuickUnits = ByteCharacters.End;
    private const int Unknown = -1;

    [ThreadStatic]
    private static BpeWord? _scratch;

    private readonly MergeTable _merges;
    private readonly BpeOptions _options;
    private readonly int[] _quickIds;

    /// <summary>By id, whether a piece that is a token's string merges into that token: most words do, and need no merging the second time.</summary>
    private readonly WholeWord[] _wholeWords;

    public BpeModel(Vocabulary vocabulary, MergeTable merges, BpeOptions options)
    {
        Vocabulary = vocabulary;
        _merges = merges;
        _options = options;
        _wholeWords = new WholeWord[vocabulary.Size];
        _quickIds = new int[QuickUnits];
        for (var unit = 0; unit < QuickUnits; unit++)
        {
            _quickIds[unit] = vocabulary.TryGetId([(char)unit], out var id) ? id : Unknown;
        }
    }

    public Vocabulary Vocabulary { get; }

    public void Tokenize(ReadOnlySpan<char> piece, List<ModelToken> tokens)
    {
        var isToken = Vocabulary.TryGetId(piece, out var whole) && Vocabulary.Find(whole).SequenceEqual(piece);
        if (isToken && (_options.WholePieces == WholePieces.LookedUp || _wholeWords[whole] == WholeWord.Yes))
        {
            tokens.Add(new ModelToken(whole, 0, piece.Length));
            return;
        }

        var first = tokens.Count;
        Merge(piece, tokens);
        if (isToken)
        {
            // Threads may meet here: all of them write the same.
            _wholeWords[whole] = tokens.Count == first + 1 && tokens[first].Id == whole ? WholeWord.Yes : WholeWord.No;
        }
    }

    private enum WholeWord : byte
    {
        Unknown,
        Yes,
        No,
    }

    private void Merge(ReadOnlySpan<char> piece, List<ModelToken> tokens)
    {
        var word = _scratch ??= new BpeWord();
        _scratch = null;
        var vanishes = Split(piece, word);
        word.Merge(_merges);
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
                vanishes |= _options.UnknownId is null;
                AddUnknown(word, ref pending, start, end);
            }

            start = end;
        }

        Flush(word, ref pending);
        return vanishes;
    }

    private void AddUnknown(BpeWord word, ref ModelToken pending, int start, int end)
    {
        if (_options.UnknownId is { } unknown)
        {
            var fuses = pending.Id != Unknown && _options.UnknownRuns == UnknownRuns.Fused;
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
            var isKnown = Vocabulary.TryGetId(Affixed(span, start, start + Runes.LengthAt(span, start)), out _);
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
        if (_options.ContinuingPrefix.Length == 0 && _options.EndOfWordSuffix.Length == 0)
        {
            return piece[start] < QuickUnits ? _quickIds[piece[start]]
                : Vocabulary.TryGetId(piece[start..end], out var id) ? id : Unknown;
        }

        return Vocabulary.TryGetId(Affixed(piece, start, end), out var affixed) ? affixed : Unknown;
    }

    private string Affixed(ReadOnlySpan<char> piece, int start, int end) => string.Concat(
        start == 0 ? string.Empty : _options.ContinuingPrefix,
        piece[start..end],
        end == piece.Length ? _options.EndOfWordSuffix : string.Empty);

    /// <summary>Adds the bytes of an unknown character, if the vocabulary has them all.</summary>
    private bool TryBytes(ReadOnlySpan<char> piece, int start, int end, BpeWord word)
    {
        if (_options.ByteIds.Count == 0)
        {
            return false;
        }

        var bytes = System.Text.Encoding.UTF8.GetBytes(Affixed(piece, start, end));
        if (Array.Exists(bytes, value => _options.ByteIds[value] < 0))
        {
            return false;
        }

        foreach (var value in bytes)
        {
            word.Add(_options.ByteIds[value], start, end);
        }

        return true;
    }
}
