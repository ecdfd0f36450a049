using OrleansLLM.Text.Tokenizers.Patterns;

namespace OrleansLLM.Text.Tokenizers.PreTokenizers;

/// <summary>Splits a text into the pieces that the model tokenizes one by one. Thread-safe.</summary>
internal interface IPreTokenizer
{
    void PreTokenize(PieceList pieces);
}

/// <summary>The kinds of a tokenizer.json's <c>pre_tokenizer</c>. To add one, write its class and a row.</summary>
internal static class PreTokenizerKinds
{
    private static readonly Dictionary<string, Func<TokenizerComponent, IPreTokenizer>> Kinds = new(StringComparer.Ordinal)
    {
        ["BertPreTokenizer"] = _ => new PreTokenizerSequence(
            [Split(new CharacterPattern(Runes.IsWhiteSpace), SplitBehavior.Removed),
             Split(new CharacterPattern(Runes.IsPunctuation), SplitBehavior.Isolated)]),
        ["ByteLevel"] = ByteLevelPreTokenizer.Read,
        ["CharDelimiterSplit"] = component => DelimiterSplit(component),
        ["Delimiter"] = component => DelimiterSplit(component),
        ["Digits"] = component => Split(new CharacterPattern(Runes.IsNumber),
            component.Boolean("individual_digits") ? SplitBehavior.Isolated : SplitBehavior.Contiguous),
        ["FixedLength"] = component => new FixedLengthPreTokenizer(component.OptionalInteger("length") ?? 5),
        ["Metaspace"] = MetaspacePreTokenizer.Read,
        ["Punctuation"] = component => Split(new CharacterPattern(Runes.IsPunctuation),
            component.OptionalChoice<SplitBehavior>("behavior") ?? SplitBehavior.Isolated),
        ["Sequence"] = component => new PreTokenizerSequence([.. component.Children("pretokenizers").Select(Read)]),
        ["Split"] = ReadSplit,
        ["UnicodeScripts"] = _ => new UnicodeScriptsPreTokenizer(),
        ["Whitespace"] = _ => Split(new InvertedPattern(new WordPattern()), SplitBehavior.Removed),
        ["WhitespaceSplit"] = _ => Split(new CharacterPattern(Runes.IsWhiteSpace), SplitBehavior.Removed),
    };

    public static IReadOnlyCollection<string> Names => Kinds.Keys;

    /// <exception cref="TokenizerException">The kind is not built, or its settings are malformed.</exception>
    public static IPreTokenizer Read(TokenizerComponent component) => component.Build("pre-tokenizer", Kinds);

    private static SplitPreTokenizer Split(IPattern pattern, SplitBehavior behavior) => new(pattern, behavior);

    private static SplitPreTokenizer DelimiterSplit(TokenizerComponent component) =>
        Split(new LiteralPattern(component.Character("delimiter").ToString()), SplitBehavior.Removed);

    private static SplitPreTokenizer ReadSplit(TokenizerComponent component)
    {
        var pattern = component.Pattern("pattern");
        var behavior = component.OptionalChoice<SplitBehavior>("behavior") ?? throw component.Missing("behavior");
        return Split(component.Boolean("invert") ? new InvertedPattern(pattern) : pattern, behavior);
    }
}

internal sealed class PreTokenizerSequence(IReadOnlyList<IPreTokenizer> steps) : IPreTokenizer
{
    public void PreTokenize(PieceList pieces)
    {
        foreach (var step in steps)
        {
            step.PreTokenize(pieces);
        }
    }
}

internal sealed class SplitPreTokenizer(IPattern pattern, SplitBehavior behavior) : IPreTokenizer
{
    public void PreTokenize(PieceList pieces) => pieces.Split(pattern, behavior);
}

/// <summary>Pieces of a fixed number of characters.</summary>
internal sealed class FixedLengthPreTokenizer(int length) : IPreTokenizer
{
    public void PreTokenize(PieceList pieces) => pieces.Rewrite(piece =>
    {
        var span = piece.Span;
        for (var start = 0; start < span.Length;)
        {
            var end = start;
            for (var count = 0; count < Math.Max(1, length) && end < span.Length; count++)
            {
                end += Runes.LengthAt(span, end);
            }

            pieces.Put(piece with { Start = piece.Start + start, Length = end - start });
            start = end;
        }
    });
}
