namespace OrleansLLM.Text.Tokenizers.Normalizers;

/// <summary>Rewrites a text before it is split. Thread-safe.</summary>
internal interface INormalizer
{
    AlignedText Normalize(AlignedText text);
}

/// <summary>The kinds of a tokenizer.json's <c>normalizer</c>. To add one, write its class and a row.</summary>
internal static class NormalizerKinds
{
    private static readonly Dictionary<string, Func<TokenizerComponent, INormalizer>> Kinds = new(StringComparer.Ordinal)
    {
        ["BertNormalizer"] = BertNormalizer.Read,
        ["ByteLevel"] = _ => new ByteLevelNormalizer(),
        ["Lowercase"] = _ => new LowercaseNormalizer(),
        ["NFC"] = _ => UnicodeNormalizer.Of(System.Text.NormalizationForm.FormC),
        ["NFD"] = _ => UnicodeNormalizer.Of(System.Text.NormalizationForm.FormD),
        ["NFKC"] = _ => UnicodeNormalizer.Of(System.Text.NormalizationForm.FormKC),
        ["NFKD"] = _ => UnicodeNormalizer.Of(System.Text.NormalizationForm.FormKD),
        ["Nmt"] = _ => new NmtNormalizer(),
        ["Precompiled"] = PrecompiledNormalizer.Read,
        ["Prepend"] = component => new PrependNormalizer(component.String("prepend")),
        ["Replace"] = component => new ReplaceNormalizer(component.Pattern("pattern"), component.String("content")),
        ["Sequence"] = component => new NormalizerSequence([.. component.Children("normalizers").Select(Read)]),
        ["Strip"] = component => new StripNormalizer(component.Boolean("strip_left"), component.Boolean("strip_right")),
        ["StripAccents"] = _ => new StripAccentsNormalizer(),
    };

    public static IReadOnlyCollection<string> Names => Kinds.Keys;

    /// <exception cref="TokenizerException">The kind is not built, or its settings are malformed.</exception>
    public static INormalizer Read(TokenizerComponent component) => component.Build("normalizer", Kinds);
}

internal sealed class NormalizerSequence(IReadOnlyList<INormalizer> normalizers) : INormalizer
{
    public AlignedText Normalize(AlignedText text) => normalizers.Aggregate(text, (current, next) => next.Normalize(current));
}
