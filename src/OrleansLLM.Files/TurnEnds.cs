namespace OrleansLLM.Files;

/// <summary>
/// Tokens that end an answer, known by their text. Many GGUF files name one end id only, and their converters gave turn ends any type, so
/// llama.cpp knows them by these texts (src/llama-vocab.cpp, the end-of-generation ids); so do we.
/// </summary>
public static class TurnEnds
{
    private const string TypesKey = "tokenizer.ggml.token_type";

    private const int ControlToken = 3;

    private const string End = "<|end|>";

    private static readonly HashSet<string> Turns = new(StringComparer.Ordinal)
    {
        "<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|eot|>", "<|eom|>", End, "<end_of_turn>", "<turn|>", "<|end_of_turn|>",
        "<|END_OF_TURN_TOKEN|>", "<|endofturn|>", "[|endofturn|]", "<end_of_utterance>", "<|endoftext|>", "<|end_of_text|>", "<EOT>", "_<EOT>",
        "\u2581<EOT>", "[EOT]", "[EOS]", "<\uFF5Cend\u2581of\u2581sentence\uFF5C>", "<|return|>", "<|call|>", "<|flush|>", "<|calls|>",
        "<|tool_response>", "[e~[",
    };

    /// <summary>Ends of a text that are also words of web pages in some vocabularies: they count as control tokens only.</summary>
    private static readonly HashSet<string> Sequences = new(StringComparer.Ordinal) { "</s>", "<eos>" };

    /// <summary>In these families <c>&lt;|end|&gt;</c> ends a part of an answer and others of these the whole.</summary>
    private static readonly string[][] PartEndings = [["<|return|>", "<|call|>"], ["<|calls|>", "<|flush|>"]];

    /// <summary>The ids in a file's vocabulary, whatever type it gives them.</summary>
    /// <exception cref="FileFormatException">The vocabulary's lists are of other types.</exception>
    public static IReadOnlyList<int> Find(GgufMetadata metadata)
    {
        ArgumentNullException.ThrowIfNull(metadata);
        var (tokens, types) = (metadata.Texts("tokenizer.ggml.tokens") ?? [], metadata.Integers(TypesKey) ?? []);
        return Find(tokens, id => id < types.Count && types[id] == ControlToken);
    }

    /// <summary>The ids of a vocabulary in which only the tokens that <paramref name="isControl"/> tells may be ends of a text.</summary>
    public static IReadOnlyList<int> Find(IReadOnlyList<string?> tokens, Predicate<int> isControl)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        ArgumentNullException.ThrowIfNull(isControl);
        var ids = new List<int>();
        for (var id = 0; id < tokens.Count; id++)
        {
            if (tokens[id] is { Length: > 0 } text && (Turns.Contains(text) || (Sequences.Contains(text) && isControl(id))))
            {
                ids.Add(id);
            }
        }

        var texts = ids.Select(id => tokens[id]).ToHashSet(StringComparer.Ordinal);
        return Array.Exists(PartEndings, family => Array.TrueForAll(family, texts.Contains)) ? [.. ids.Where(id => tokens[id] != End)] : ids;
    }
}
