using System.Buffers;
using OrleansLLM.Text.Tokenizers.Models;
using OrleansLLM.Text.Tokenizers.Normalizers;

namespace OrleansLLM.Text.Tokenizers;

/// <summary>
/// The tokens beside the model. A text is searched twice: as the user wrote it for tokens that are not normalized, then each remaining part,
/// normalized, for those that are; at each place the longest token wins. Filled once, then read from any thread.
/// </summary>
/// <param name="model">The model's own tokens.</param>
/// <param name="normalizer">The texts', or null.</param>
/// <param name="maxVocabulary">Ids that the model has rows for: a token beyond them is left out, so that its text is plain text.</param>
internal sealed class AddedVocabulary(Vocabulary model, INormalizer? normalizer, int maxVocabulary = int.MaxValue)
{
    /// <summary>Longer tokens are refused: at each place of a text as much of one is compared as fits.</summary>
    private const int MaxLength = 512;

    private const int Shown = 8;

    private readonly Dictionary<string, int> _ids = new(StringComparer.Ordinal);
    private readonly Dictionary<int, AddedToken> _tokens = [];
    private readonly Dictionary<string, int> _leftOut = new(StringComparer.Ordinal);
    private int _nextId;
    private TokenTrie _plain = new();
    private TokenTrie _normalized = new();

    /// <summary>The tokens by id.</summary>
    public IReadOnlyDictionary<int, AddedToken> Tokens => _tokens;

    /// <summary>A sentence on the tokens that are left out, if there are any.</summary>
    public IReadOnlyList<string> LeftOut => _leftOut.Count == 0
        ? []
        : [FormattableString.Invariant(
            $"The model's ids go from 0 to {maxVocabulary - 1}: these added tokens are left out, and plain text: {string.Join(", ", _leftOut.Take(Shown).Select(token => FormattableString.Invariant($"'{token.Key}' ({token.Value})")))}{MoreLeftOut}.")];

    /// <summary>
    /// Adds a token; it takes the id that its text has already, or else the next free one behind the vocabulary.
    /// </summary>
    public void Add(AddedToken token)
    {
        if (token.Content.Length == 0)
        {
            return;
        }

        if (!_ids.TryGetValue(token.Content, out var id) && !model.TryGetId(token.Content, out id))
        {
            id = Math.Max(_nextId, model.Count);
        }

        Add(token, id);
    }

    /// <exception cref="TokenizerException">The token is too long.</exception>
    public void Add(AddedToken token, int id)
    {
        if (token.Content.Length > MaxLength)
        {
            throw new TokenizerException($"the added token '{token.Content[..20]}...' has {token.Content.Length} characters; at most {MaxLength} are built");
        }

        if (id >= maxVocabulary)
        {
            _nextId = _leftOut.TryAdd(token.Content, id) ? Math.Max(_nextId, id + 1) : _nextId;
            return;
        }

        _ids[token.Content] = id;
        _tokens[id] = token;
        _nextId = Math.Max(_nextId, id + 1);
    }

    /// <summary>Adds a token, or changes how the one of its text is found; what was special stays so.</summary>
    public void Change(AddedToken token)
    {
        if (_ids.TryGetValue(token.Content, out var id))
        {
            _tokens[id] = token with { Flags = token.Flags | (_tokens[id].Flags & AddedTokenFlags.Special) };
        }
        else
        {
            Add(token);
        }
    }

    /// <summary>Adds a token, or makes the one of its text special.</summary>
    public void MakeSpecial(AddedToken token) =>
        Change(_ids.TryGetValue(token.Content, out var id) ? _tokens[id] with { Flags = _tokens[id].Flags | AddedTokenFlags.Special } : token);

    /// <summary>Call once all are added.</summary>
    public void Seal()
    {
        (_plain, _normalized) = (new TokenTrie(), new TokenTrie());
        // Of tokens whose texts are equal once normalized, the trie keeps the first.
        foreach (var (id, token) in _tokens.OrderByDescending(pair => pair.Value.Has(AddedTokenFlags.Special)))
        {
            (token.Has(AddedTokenFlags.Normalized) ? _normalized : _plain).Add(NormalizedContent(id), id);
        }

        _plain.Seal();
        _normalized.Seal();
    }

    public bool TryGetId(string token, out int id) => _ids.TryGetValue(token, out id);

    public bool IsSpecial(int id) => _tokens.TryGetValue(id, out var token) && token.Has(AddedTokenFlags.Special);

    /// <summary>Begins a list of pieces with a text: its added tokens, and the normalized rest.</summary>
    public void Extract(AlignedText text, LiteralRanges literal, PieceList pieces)
    {
        pieces.Begin(text);
        if (!_plain.IsEmpty)
        {
            pieces.Rewrite(piece => Split(piece, _plain, literal, pieces));
        }

        if (normalizer is not null)
        {
            pieces.Rewrite(piece => pieces.Put(Piece.Whole(normalizer.Normalize(piece.ToText()))));
        }

        if (!_normalized.IsEmpty)
        {
            pieces.Rewrite(piece => Split(piece, _normalized, literal, pieces));
        }
    }

    /// <summary>A token's text as it is searched for.</summary>
    public string NormalizedContent(int id) => _tokens[id].Has(AddedTokenFlags.Normalized) && normalizer is not null
        ? normalizer.Normalize(new AlignedText(_tokens[id].Content, extents: null, origin: 0)).Text
        : _tokens[id].Content;

    private string MoreLeftOut => _leftOut.Count > Shown ? FormattableString.Invariant($" and {_leftOut.Count - Shown} more") : "";

    private void Split(Piece piece, TokenTrie trie, LiteralRanges literal, PieceList pieces)
    {
        var text = piece.Span;
        var behind = 0;
        var position = 0;
        Func<int, int, int, bool>? isAllowed = literal.IsEmpty
            ? null
            : (token, start, end) => !IsSpecial(token) || !literal.IsCut(piece.Source.ExtentOf(piece.Start + start, end - start));
        while (trie.Find(text, position, isAllowed, out var end, out var id) is var start and >= 0)
        {
            position = end;
            var token = _tokens[id];
            var isLiteral = token.Has(AddedTokenFlags.Special)
                && literal.Contains(piece.Source.ExtentOf(piece.Start + start, end - start));
            if (isLiteral || (token.Has(AddedTokenFlags.SingleWord) && !IsWholeWord(text, start, end)))
            {
                continue;
            }

            if (token.Has(AddedTokenFlags.StripLeft))
            {
                start = Math.Max(behind, text[..start].TrimEnd().Length);
            }

            if (token.Has(AddedTokenFlags.StripRight))
            {
                end = text.Length - text[end..].TrimStart().Length;
            }

            pieces.Put(Part(piece, behind, start, Piece.NoToken));
            pieces.Put(Part(piece, start, end, id));
            behind = end;
        }

        pieces.Put(Part(piece, behind, text.Length, Piece.NoToken));
    }

    private static Piece Part(Piece piece, int start, int end, int token) =>
        piece with { Start = piece.Start + start, Length = Math.Max(0, end - start), TokenId = token };

    private static bool IsWholeWord(ReadOnlySpan<char> text, int start, int end)
    {
        var continues = start > 0 && System.Text.Rune.DecodeLastFromUtf16(text[..start], out var before, out _)
            == OperationStatus.Done && Runes.IsWord(before);
        return !continues && (end == text.Length || !Runes.IsWord(Runes.At(text, end)));
    }
}
