using OrleansLLM.Text.Tokenizers.Decoders;
using OrleansLLM.Text.Tokenizers.Models;
using OrleansLLM.Text.Tokenizers.Normalizers;
using OrleansLLM.Text.Tokenizers.PostProcessors;
using OrleansLLM.Text.Tokenizers.PreTokenizers;

namespace OrleansLLM.Text.Tokenizers;

/// <summary>What a tokenizer is made of; a null part does nothing.</summary>
internal sealed record TokenizerParts(ITokenModel Model, AddedVocabulary Added)
{
    public INormalizer? Normalizer { get; init; }

    public IPreTokenizer? PreTokenizer { get; init; }

    public IPostProcessor? PostProcessor { get; init; }

    public ITokenDecoder Decoder { get; init; } = new SpacedDecoder();

    /// <summary>Whether special tokens are plain text wherever they stand.</summary>
    public SpecialTokensInText SpecialTokensInText { get; init; }
}

internal enum SpecialTokensInText
{
    Special,
    PlainText,
}

/// <summary>
/// A text's way to ids: added tokens out, normalize, split, model, post-process; and back: strings of the vocabulary through the decoder.
/// </summary>
/// <remarks>Immutable and thread-safe. Encoding a text of n characters takes O(n log n).</remarks>
internal sealed partial class PipelineTokenizer(TokenizerParts parts) : TextTokenizer
{
    /// <summary>Lists that grew beyond this many pieces are given back after their text.</summary>
    private const int MaxKept = 1 << 14;

    [ThreadStatic]
    private static Scratch? _scratch;

    private readonly Vocabulary _vocabulary = parts.Model.Vocabulary;

    /// <summary>Ends when encoding has reached its full speed.</summary>
    public Task Prepared => parts.Model.Prepared;

    public override int VocabularySize { get; } =
        Math.Max(parts.Model.Vocabulary.Size, parts.Added.Tokens.Count == 0 ? 0 : parts.Added.Tokens.Keys.Max() + 1);

    public override IReadOnlyList<string> LeftOut => parts.Added.LeftOut;

    public override IReadOnlyList<int> Encode(string text, ReadOnlySpan<TextSpan> literal, AddedTokens added) =>
        Finish([Tokenize(text, LiteralRanges.Of(literal), Tracking.None)], added).Ids;

    /// <summary>The tokens of a text, or of a pair, with all that is known of them.</summary>
    public TokenizedText EncodeFully(string text, string? second, LiteralRanges literal, AddedTokens added)
    {
        List<TokenizedText> texts = [Tokenize(text, literal, Tracking.Extents)];
        if (second is not null)
        {
            texts.Add(Tokenize(second, literal, Tracking.Extents));
            texts[1].SetTypes(1);
        }

        return Finish(texts, added);
    }

    public override string? GetToken(int id) => parts.Added.Tokens.TryGetValue(id, out var token) ? token.Content
        : _vocabulary.Contains(id) ? _vocabulary.Find(id).ToString()
        : null;

    /// <summary>The string of an id as it stands in a normalized text.</summary>
    public string? GetNormalizedToken(int id) => parts.Added.Tokens.ContainsKey(id)
        ? parts.Added.NormalizedContent(id)
        : GetToken(id);

    public override bool TryGetId(string token, out int id) =>
        parts.Added.TryGetId(token, out id) || _vocabulary.TryGetId(token, out id);

    public override bool IsSpecial(int id) => parts.Added.IsSpecial(id);

    private TokenizedText Tokenize(string text, LiteralRanges literal, Tracking tracking)
    {
        literal = parts.SpecialTokensInText == SpecialTokensInText.PlainText ? LiteralRanges.Everything : literal;
        var scratch = (tracking == Tracking.None ? _scratch : null) ?? new Scratch(new PieceList(tracking), []);
        _scratch = null;
        var (pieces, tokens) = scratch;
        parts.Added.Extract(new AlignedText(Runes.WellFormed(text), extents: null, origin: 0), literal, pieces);
        parts.PreTokenizer?.PreTokenize(pieces);
        var result = new TokenizedText(tracking);
        result.Ids.EnsureCapacity(pieces.Pieces.Count);
        for (var word = 0; word < pieces.Pieces.Count; word++)
        {
            var piece = pieces.Pieces[word];
            tokens.Clear();
            if (piece.IsToken)
            {
                tokens.Add(new ModelToken(piece.TokenId, 0, piece.Length));
            }
            else
            {
                parts.Model.Tokenize(piece.Span, tokens);
            }

            Add(result, piece, tokens, word);
        }

        if (pieces.Clear() <= MaxKept && tokens.Capacity <= MaxKept && tracking == Tracking.None)
        {
            _scratch = scratch;
        }

        return result;
    }

    private void Add(TokenizedText result, Piece piece, List<ModelToken> tokens, int word)
    {
        foreach (var token in tokens)
        {
            if (result.Tracking == Tracking.None)
            {
                result.Ids.Add(token.Id);
                continue;
            }

            var extent = piece.Source.ExtentOf(piece.Start + token.Start, token.End - token.Start);
            result.Add(token.Id, extent, word, piece.IsToken ? piece.Span.ToString() : _vocabulary.Find(token.Id).ToString());
        }
    }

    private TokenizedText Finish(List<TokenizedText> texts, AddedTokens added)
    {
        parts.PostProcessor?.Process(texts, added);
        if (texts.Count == 1)
        {
            return texts[0];
        }

        var joined = new TokenizedText(texts.Count == 0 ? Tracking.None : texts[0].Tracking);
        foreach (var text in texts)
        {
            joined.Append(text);
        }

        return joined;
    }

    /// <summary>What a thread keeps for its next text.</summary>
    private sealed record Scratch(PieceList Pieces, List<ModelToken> Tokens);
}
