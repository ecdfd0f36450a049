namespace OrleansLLM.Text.Tokenizers.PostProcessors;

/// <summary>Puts a model's own tokens around a text or a pair of texts. Thread-safe.</summary>
internal interface IPostProcessor
{
    /// <summary>Rewrites a list of one text or two; in the end its members are joined.</summary>
    void Process(List<TokenizedText> texts, AddedTokens added);
}

/// <summary>The kinds of a tokenizer.json's <c>post_processor</c>. To add one, write its class and a row.</summary>
internal static class PostProcessorKinds
{
    private static readonly Dictionary<string, Func<TokenizerComponent, IPostProcessor>> Kinds = new(StringComparer.Ordinal)
    {
        ["BertProcessing"] = component => Pairing.Bert(component),
        ["ByteLevel"] = ExtentTrimmer.Read,
        ["RobertaProcessing"] = component => Pairing.Roberta(component),
        ["Sequence"] = component => new PostProcessorSequence([.. component.Children("processors").Select(Read)]),
        ["TemplateProcessing"] = TemplateProcessor.Read,
    };

    public static IReadOnlyCollection<string> Names => Kinds.Keys;

    /// <exception cref="TokenizerException">The kind is not built, or its settings are malformed.</exception>
    public static IPostProcessor Read(TokenizerComponent component) => component.Build("post-processor", Kinds);
}

internal sealed class PostProcessorSequence(IReadOnlyList<IPostProcessor> steps) : IPostProcessor
{
    public void Process(List<TokenizedText> texts, AddedTokens added)
    {
        foreach (var step in steps)
        {
            step.Process(texts, added);
        }
    }
}

/// <summary>Takes the white space at the ends of byte-level tokens out of their extents.</summary>
internal sealed class ExtentTrimmer(PreTokenizers.PrefixSpace prefixSpace) : IPostProcessor
{
    private static readonly char ByteSpace = ByteCharacters.ToCharacter((byte)' ');

    public static IPostProcessor Read(TokenizerComponent component) => component.OptionalBoolean("trim_offsets") ?? true
        ? new ExtentTrimmer(component.OptionalBoolean("add_prefix_space") ?? true
            ? PreTokenizers.PrefixSpace.Add
            : PreTokenizers.PrefixSpace.None)
        : new PostProcessorSequence([]);

    public void Process(List<TokenizedText> texts, AddedTokens added)
    {
        foreach (var text in texts)
        {
            for (var i = 0; i < text.Extents.Count; i++)
            {
                text.Extents[i] = Trim(text.Extents[i], text.Texts[i], i);
            }
        }
    }

    private Extent Trim(Extent extent, string token, int index)
    {
        var leading = token.TakeWhile(IsSpace).Count();
        var trailing = token.Reverse().TakeWhile(IsSpace).Count();
        var (start, end) = (extent.Start, extent.End);
        if (leading > 0)
        {
            var isPrefix = (index == 0 || start == 0) && leading == 1 && prefixSpace == PreTokenizers.PrefixSpace.Add;
            start = Math.Min(start + (isPrefix ? 0 : leading), end);
        }

        if (trailing > 0 && end >= trailing)
        {
            end = Math.Max(end - trailing, start);
        }

        return new Extent(start, end);
    }

    private static bool IsSpace(char unit) => unit == ByteSpace || char.IsWhiteSpace(unit);
}
