using System.Runtime.InteropServices;

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
        var first = tokens.Count;
        if (Split(piece, word, Places.Characters))
        {
            word.Merge(merges);
            word.AddTo(tokens);
        }
        else
        {
            word.Reset();
            Split(piece, word, Places.Lengths);
            word.Merge(merges);
            word.AddTo(tokens);
            PlaceInPiece(piece, CollectionsMarshal.AsSpan(tokens)[first..]);
        }

        _scratch = word.Reset();
    }

    /// <summary>Where symbols are said to be.</summary>
    private enum Places
    {
        /// <summary>At their characters.</summary>
        Characters,

        /// <summary>
        /// One behind the other by their lengths in UTF-8, as the reference has it: another place where characters vanish, where affixes
        /// become bytes, and where unknown characters come behind bytes that stand behind them.
        /// </summary>
        Lengths,
    }

    /// <summary>Returns whether the places of characters are those that the reference has.</summary>
    private bool Split(ReadOnlySpan<char> piece, BpeWord word, Places places)
    {
        var symbols = new SymbolWriter(word, places, options.UnknownRuns);
        var isExact = true;
        for (var start = 0; start < piece.Length;)
        {
            var end = start + Runes.LengthAt(piece, start);
            var symbol = new Symbol(IdOf(piece, start, end), start, end, Runes.At(piece, start).Utf8SequenceLength);
            if (symbol.Id != Unknown)
            {
                symbols.Flush();
                symbols.Add(symbol);
            }
            else if (BytesOf(piece, start, end) is { } bytes)
            {
                isExact &= !symbols.HasUnknown && bytes.Length == symbol.Length;
                foreach (var value in bytes)
                {
                    symbols.Add(symbol with { Id = options.ByteIds[value], Length = 1 });
                }
            }
            else if (options.UnknownId is { } unknown)
            {
                symbols.AddUnknown(symbol with { Id = unknown });
            }
            else
            {
                isExact = false;
            }

            start = end;
        }

        symbols.Flush();
        return isExact;
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

    /// <summary>The bytes of an unknown character, if the vocabulary has them all; else null.</summary>
    private byte[]? BytesOf(ReadOnlySpan<char> piece, int start, int end)
    {
        if (options.ByteIds.Count == 0)
        {
            return null;
        }

        var bytes = System.Text.Encoding.UTF8.GetBytes(Affixed(piece, start, end));
        return Array.Exists(bytes, value => options.ByteIds[value] < 0) ? null : bytes;
    }

    /// <summary>Turns places by lengths in UTF-8 into those of the characters that lie there; what lies behind the piece is at its end.</summary>
    private static void PlaceInPiece(ReadOnlySpan<char> piece, Span<ModelToken> tokens)
    {
        var units = new List<(int Start, int End)>();
        for (var start = 0; start < piece.Length;)
        {
            var end = start + Runes.LengthAt(piece, start);
            units.AddRange(Enumerable.Repeat((start, end), Runes.At(piece, start).Utf8SequenceLength));
            start = end;
        }

        foreach (ref var token in tokens)
        {
            token = token with
            {
                Start = units[Math.Min(token.Start, units.Count - 1)].Start,
                End = units[Math.Min(Math.Max(token.Start + 1, token.End), units.Count) - 1].End,
            };
        }
    }

    /// <summary>A token before merging: the characters that it came from, in units, and its length in UTF-8.</summary>
    private readonly record struct Symbol(int Id, int Start, int End, int Length);

    /// <summary>Puts symbols into a word; unknown ones wait for what comes behind them, to be one with it or to be put.</summary>
    private ref struct SymbolWriter(BpeWord word, Places places, UnknownRuns runs)
    {
        private Symbol _unknown = new(Unknown, 0, 0, 0);
        private int _next;

        public readonly bool HasUnknown => _unknown.Id != Unknown;

        public void Add(Symbol symbol)
        {
            if (places == Places.Characters)
            {
                word.Add(symbol.Id, symbol.Start, symbol.End);
                return;
            }

            word.Add(symbol.Id, _next, _next + symbol.Length);
            _next += symbol.Length;
        }

        public void AddUnknown(Symbol symbol)
        {
            if (HasUnknown && runs == UnknownRuns.Fused)
            {
                _unknown = _unknown with { End = symbol.End, Length = _unknown.Length + symbol.Length };
                return;
            }

            Flush();
            _unknown = symbol;
        }

        public void Flush()
        {
            if (HasUnknown)
            {
                Add(_unknown);
                _unknown = _unknown with { Id = Unknown };
            }
        }
    }
}
