namespace OrleansLLM.Text.Tokenizers.PostProcessors;

/// <summary>Writes a text, or a pair, into a template of special tokens.</summary>
internal sealed class TemplateProcessor(IReadOnlyList<TemplatePart> single, IReadOnlyList<TemplatePart> pair) : IPostProcessor
{
    public static TemplateProcessor Read(TokenizerComponent component) =>
        new(Parts(component, "single", needsSecond: false), Parts(component, "pair", needsSecond: true));

    public void Process(List<TokenizedText> texts, AddedTokens added)
    {
        var parts = texts.Count == 1 ? single : pair;
        var result = new List<TokenizedText>();
        foreach (var part in parts)
        {
            if (part.Text is { } index)
            {
                texts[index].SetTypes(part.Type);
                result.Add(texts[index]);
            }
            else if (added == AddedTokens.PostProcessor)
            {
                var special = new TokenizedText(texts[0].Tracking);
                foreach (var (id, token) in part.Tokens)
                {
                    special.AddSpecial(id, token, part.Type);
                }

                result.Add(special);
            }
        }

        texts.Clear();
        texts.AddRange(result);
    }

    private static List<TemplatePart> Parts(TokenizerComponent component, string name, bool needsSecond)
    {
        var parts = component.Children(name).Select(part => Part(part, component.Child("special_tokens"))).ToList();
        if (parts.Exists(part => part.Text == 1) && !needsSecond)
        {
            throw new TokenizerException($"{component.Path}.{name} uses the second text of a pair");
        }

        return parts;
    }

    private static TemplatePart Part(TokenizerComponent part, TokenizerComponent specialTokens)
    {
        if (part.Find("Sequence") is not null)
        {
            var sequence = part.Child("Sequence");
            return sequence.String("id") is var id and ("A" or "B")
                ? new TemplatePart(id == "A" ? 0 : 1, [], sequence.OptionalInteger("type_id") ?? 0)
                : throw sequence.Wrong("id", "A or B");
        }

        var special = part.Child("SpecialToken");
        var token = specialTokens.Child(special.String("id"));
        var ids = Integers(token, "ids");
        var texts = Strings(token, "tokens");
        return ids.Count == texts.Count
            ? new TemplatePart(Text: null, [.. ids.Zip(texts)], special.OptionalInteger("type_id") ?? 0)
            : throw new TokenizerException($"{token.Path} has {ids.Count} ids and {texts.Count} tokens");
    }

    private static List<int> Integers(TokenizerComponent component, string name) => [.. List(component, name)
        .Select(element => element.ValueKind == System.Text.Json.JsonValueKind.Number && element.TryGetInt32(out var id)
            && id is >= 0 and <= Models.Vocabulary.MaxId ? id : throw component.Wrong(name, "a list of ids"))];

    private static List<string> Strings(TokenizerComponent component, string name) => [.. List(component, name)
        .Select(element => element.ValueKind == System.Text.Json.JsonValueKind.String ? element.GetString()! : throw component.Wrong(name, "a list of strings"))];

    private static IEnumerable<System.Text.Json.JsonElement> List(TokenizerComponent component, string name) =>
        component.Find(name) is { ValueKind: System.Text.Json.JsonValueKind.Array } list ? list.EnumerateArray() : throw component.Missing(name);
}

/// <summary>A part of a template: the first or second text, or tokens.</summary>
internal sealed record TemplatePart(int? Text, IReadOnlyList<(int Id, string Token)> Tokens, int Type);

/// <summary>BERT's and RoBERTa's processors as templates.</summary>
internal static class Pairing
{
    /// <summary>[CLS] A [SEP] and B [SEP], of types 0 and 1.</summary>
    public static TemplateProcessor Bert(TokenizerComponent component)
    {
        var (cls, sep) = (Token(component, "cls", 0), Token(component, "sep", 0));
        return new TemplateProcessor(
            [cls, First, sep],
            [cls, First, sep, Second(1), Token(component, "sep", 1)]);
    }

    /// <summary>&lt;s&gt; A &lt;/s&gt; and &lt;/s&gt; B &lt;/s&gt;, all of type 0; white space is taken out of the extents before.</summary>
    public static IPostProcessor Roberta(TokenizerComponent component)
    {
        var (cls, sep) = (Token(component, "cls", 0), Token(component, "sep", 0));
        return new PostProcessorSequence(
            [ExtentTrimmer.Read(component), new TemplateProcessor([cls, First, sep], [cls, First, sep, sep, Second(0), sep])]);
    }

    private static TemplatePart First { get; } = new(0, [], 0);

    private static TemplatePart Second(int type) => new(1, [], type);

    private static TemplatePart Token(TokenizerComponent component, string name, int type)
    {
        var pair = component.Find(name) ?? throw component.Missing(name);
        return pair.ValueKind == System.Text.Json.JsonValueKind.Array && pair.GetArrayLength() == 2
            && pair[0].ValueKind == System.Text.Json.JsonValueKind.String && pair[1].ValueKind == System.Text.Json.JsonValueKind.Number
            && pair[1].TryGetInt32(out var id) && id is >= 0 and <= Models.Vocabulary.MaxId
            ? new TemplatePart(Text: null, [(id, pair[0].GetString()!)], type)
            : throw component.Wrong(name, "a token and its id");
    }
}
