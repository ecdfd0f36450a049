using Microsoft.ML.Tokenizers;

namespace OrleansLLM.Text.Tokenizers;

/// <content>
/// What .NET code that knows only <see cref="Tokenizer"/> calls. Special tokens in the text are read as such and none is added; offsets are
/// places in the caller's text, which is never reported as normalized; a limit never cuts a character in two.
/// </content>
internal sealed partial class PipelineTokenizer
{
    protected override EncodeResults<EncodedToken> EncodeToTokens(string? text, ReadOnlySpan<char> textSpan, EncodeSettings settings)
    {
        var source = text ?? textSpan.ToString();
        var tokens = EncodeFully(source, second: null, LiteralRanges.None, AddedTokens.None);
        var count = Whole(tokens, Limit(settings, tokens));
        var result = new EncodedToken[count];
        for (var i = 0; i < count; i++)
        {
            result[i] = new EncodedToken(tokens.Ids[i], tokens.Texts[i], new Range(tokens.Extents[i].Start, tokens.Extents[i].End));
        }

        return new EncodeResults<EncodedToken> { Tokens = result, NormalizedText = null, CharsConsumed = Consumed(tokens, count, source) };
    }

    protected override EncodeResults<int> EncodeToIds(string? text, ReadOnlySpan<char> textSpan, EncodeSettings settings)
    {
        var source = text ?? textSpan.ToString();
        var ids = Encode(source, [], AddedTokens.None);
        if (ids.Count <= Positive(settings.MaxTokenCount))
        {
            return new EncodeResults<int> { Tokens = ids, NormalizedText = null, CharsConsumed = source.Length };
        }

        var tokens = EncodeFully(source, second: null, LiteralRanges.None, AddedTokens.None);
        var count = Whole(tokens, Limit(settings, tokens));
        return new EncodeResults<int>
        {
            Tokens = tokens.Ids.GetRange(0, count),
            NormalizedText = null,
            CharsConsumed = Consumed(tokens, count, source),
        };
    }

    protected override int CountTokens(string? text, ReadOnlySpan<char> textSpan, EncodeSettings settings) =>
        EncodeToIds(text, textSpan, settings).Tokens.Count;

    protected override int GetIndexByTokenCount(
        string? text, ReadOnlySpan<char> textSpan, EncodeSettings settings, bool fromEnd, out string? normalizedText, out int tokenCount)
    {
        var source = text ?? textSpan.ToString();
        var tokens = EncodeFully(source, second: null, LiteralRanges.None, AddedTokens.None);
        var limit = Limit(settings, tokens);
        normalizedText = null;
        if (!fromEnd)
        {
            tokenCount = Whole(tokens, limit);
            return Consumed(tokens, tokenCount, source);
        }

        var first = tokens.Ids.Count - limit;
        while (first > 0 && first < tokens.Ids.Count && tokens.Extents[first].Start < tokens.Extents[first - 1].End)
        {
            first++;
        }

        tokenCount = tokens.Ids.Count - first;
        return first == 0 ? 0 : first == tokens.Ids.Count ? source.Length : tokens.Extents[first].Start;
    }

    private static int Limit(EncodeSettings settings, TokenizedText tokens) =>
        Math.Min(Positive(settings.MaxTokenCount), tokens.Ids.Count);

    private static int Positive(int maxTokenCount)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxTokenCount);
        return maxTokenCount;
    }

    /// <summary>The largest count up to a limit at which no character is cut.</summary>
    private static int Whole(TokenizedText tokens, int count)
    {
        while (count > 0 && count < tokens.Ids.Count && tokens.Extents[count].Start < tokens.Extents[count - 1].End)
        {
            count--;
        }

        return count;
    }

    private static int Consumed(TokenizedText tokens, int count, string source) =>
        count == tokens.Ids.Count ? source.Length : count == 0 ? 0 : tokens.Extents[count - 1].End;
}
