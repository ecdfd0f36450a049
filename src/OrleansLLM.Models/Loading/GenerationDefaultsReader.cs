using System.Text.Json;
using OrleansLLM.Files;

namespace OrleansLLM.Models.Loading;

/// <summary>Reads what a folder or a GGUF file recommends for generation.</summary>
internal static class GenerationDefaultsReader
{
    private const string FileName = "generation_config.json";

    /// <summary>GGUF's keys of ids that end an answer.</summary>
    private static readonly string[] GgufEndKeys = ["tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"];

    /// <summary>
    /// Control tokens that end a turn. Many GGUF files name only one end id, so llama.cpp knows these by their text; so do we.
    /// </summary>
    private static readonly HashSet<string> EndTexts = new(StringComparer.Ordinal)
    {
        "<|eot_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>", "<|endoftext|>", "<|eom_id|>", "<EOT>", "<|end_of_text|>",
    };

    private const int ControlToken = 3;

    /// <summary>generation_config.json, with ids from config.json where it has none.</summary>
    public static GenerationDefaults Read(FolderFiles folder, JsonElement config)
    {
        if (!folder.Contains(FileName))
        {
            return Parse(folder.Path, default, config);
        }

        using var document = folder.ReadJson(FileName);
        return Parse(folder.Resolve(FileName), document.RootElement, config);
    }

    public static GenerationDefaults Read(GgufFile file)
    {
        var metadata = file.Metadata;
        var ids = GgufEndKeys.Select(key => metadata.Integer(key)).OfType<long>().Concat(ControlIds(metadata));
        return new() { EndIds = [.. ids.Where(id => id is >= 0 and <= int.MaxValue).Select(id => (int)id).Distinct()] };
    }

    private static IEnumerable<long> ControlIds(GgufMetadata metadata)
    {
        var (tokens, types) = (metadata.Texts("tokenizer.ggml.tokens"), metadata.Integers("tokenizer.ggml.token_type"));
        for (var id = 0; tokens is not null && types is not null && id < Math.Min(tokens.Count, types.Count); id++)
        {
            if (types[id] == ControlToken && EndTexts.Contains(tokens[id]))
            {
                yield return id;
            }
        }
    }

    private static GenerationDefaults Parse(string path, JsonElement settings, JsonElement config) => new()
    {
        DoSample = Value(settings, "do_sample")?.ValueKind switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            null => null,
            _ => throw new FileFormatException(path, "do_sample must be true or false"),
        },
        Temperature = Number(path, settings, "temperature", 0, float.MaxValue),
        TopP = Number(path, settings, "top_p", 0, 1),
        TopK = (int?)Number(path, settings, "top_k", -1, int.MaxValue),
        MinP = Number(path, settings, "min_p", 0, 1),
        RepetitionPenalty = Number(path, settings, "repetition_penalty", 0, float.MaxValue),
        MaxNewTokens = (int?)Number(path, settings, "max_new_tokens", 1, 1 << 30),
        EndIds = Ids(path, Value(settings, "eos_token_id") ?? Value(config, "eos_token_id")),
    };

    private static JsonElement? Value(JsonElement from, string name) =>
        from.ValueKind == JsonValueKind.Object && from.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private static float? Number(string path, JsonElement from, string name, double least, double most)
    {
        if (Value(from, name) is not { } value)
        {
            return null;
        }

        return value.ValueKind == JsonValueKind.Number && value.GetDouble() is var number && number >= least && number <= most
            ? (float)number
            : throw new FileFormatException(path, $"{name} is {value.GetRawText()}; it must be a number from {least} to {most}");
    }

    private static int[] Ids(string path, JsonElement? value)
    {
        if (value is not { } ids)
        {
            return [];
        }

        var elements = ids.ValueKind == JsonValueKind.Array ? [.. ids.EnumerateArray()] : (JsonElement[])[ids];
        return elements.All(element => element.ValueKind == JsonValueKind.Number && element.TryGetInt32(out _))
            ? [.. elements.Select(element => element.GetInt32()).Where(id => id >= 0).Distinct()]
            : throw new FileFormatException(path, $"token ids must be whole numbers, they are {ids.GetRawText()}");
    }
}
