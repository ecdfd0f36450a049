using System.Globalization;
using System.Text.Json;
using OrleansLLM.Files;

namespace OrleansLLM.Models.Loading;

/// <summary>Reads what a folder or a GGUF file recommends for generation.</summary>
internal static class GenerationDefaultsReader
{
    private const string FileName = "generation_config.json";

    private const string EndKey = "eos_token_id";

    /// <summary>GGUF's keys of ids that end an answer.</summary>
    private static readonly string[] GgufEndKeys = ["tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"];

    /// <summary>generation_config.json, and the end ids of config.json beside those that it has.</summary>
    /// <param name="folder">Holds both.</param>
    /// <param name="config">config.json.</param>
    /// <param name="vocabularySize">Ids that the model has rows for.</param>
    /// <exception cref="FileFormatException">A value is of the wrong kind, or one that no request may have.</exception>
    public static GenerationDefaults Read(FolderFiles folder, JsonElement config, int vocabularySize)
    {
        var ends = new EndIds(vocabularySize);
        if (!folder.Contains(FileName))
        {
            AddConfig(folder, config, ends);
            return new() { EndIds = ends.Ids, LeftOut = ends.LeftOut };
        }

        using var document = folder.ReadJson(FileName);
        var settings = document.RootElement;
        ends.Add(folder.Resolve(FileName), EndKey, Value(settings, EndKey));
        AddConfig(folder, config, ends);
        return Parse(folder.Resolve(FileName), settings) with { EndIds = ends.Ids, LeftOut = ends.LeftOut };
    }

    /// <param name="file">Its keys, and the texts of its vocabulary.</param>
    /// <param name="vocabularySize">Ids that the model has rows for.</param>
    public static GenerationDefaults Read(GgufFile file, int vocabularySize)
    {
        var named = GgufEndKeys.Select(key => file.Metadata.TokenId(key, vocabularySize)).OfType<int>();
        return new() { EndIds = [.. named.Concat(TurnEnds.Find(file.Metadata)).Distinct()] };
    }

    /// <summary>Models that read more than text have their text's configuration in a section of its own.</summary>
    private static void AddConfig(FolderFiles folder, JsonElement config, EndIds ends)
    {
        var path = folder.Resolve("config.json");
        ends.Add(path, EndKey, Value(config, EndKey));
        if (Value(config, "text_config") is { } text)
        {
            ends.Add(path, $"text_config.{EndKey}", Value(text, EndKey));
        }
    }

    /// <summary>Bounds are those of a request's fields: what no request may ask for is no default either.</summary>
    private static GenerationDefaults Parse(string path, JsonElement settings) => new()
    {
        DoSample = Value(settings, "do_sample")?.ValueKind switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            null => null,
            _ => throw new FileFormatException(path, "do_sample must be true or false"),
        },
        Temperature = Number(path, settings, "temperature", 0, 2),
        TopP = Number(path, settings, "top_p", 0, 1),
        TopK = (int?)Number(path, settings, "top_k", -1, int.MaxValue),
        MinP = Number(path, settings, "min_p", 0, 1),
        RepetitionPenalty = Number(path, settings, "repetition_penalty", 0.01, 100),
        MaxNewTokens = (int?)Number(path, settings, "max_new_tokens", 1, 1 << 30),
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
            : throw new FileFormatException(
                path, FormattableString.Invariant($"{name} is {PythonJson.Show(value)}; it must be a number from {least} to {most}"));
    }

    /// <summary>The ids that several places name.</summary>
    private sealed class EndIds(int vocabularySize)
    {
        private const int ShownIds = 8;

        private readonly List<int> _ids = [];
        private readonly List<string> _leftOut = [];

        public IReadOnlyList<int> Ids => _ids;

        public IReadOnlyList<string> LeftOut => _leftOut;

        /// <param name="path">The file, for errors.</param>
        /// <param name="name">The value's name, for errors.</param>
        /// <param name="value">One id or a list.</param>
        public void Add(string path, string name, JsonElement? value)
        {
            var elements = value is not { } given ? [] : given.ValueKind == JsonValueKind.Array ? [.. given.EnumerateArray()] : (JsonElement[])[given];
            var ids = Array.ConvertAll(elements, element => element.ValueKind == JsonValueKind.Number && element.TryGetInt64(out var id)
                ? id
                : throw new FileFormatException(path, $"{name} must be a token id or a list of them, but there is {PythonJson.Show(element)}"));
            _ids.AddRange(ids.Where(id => id >= 0 && id < vocabularySize).Select(id => (int)id).Except(_ids));
            var outside = ids.Where(id => id < 0 || id >= vocabularySize).Distinct().Select(id => id.ToString(CultureInfo.InvariantCulture)).ToList();
            if (outside.Count > 0)
            {
                var more = outside.Count > ShownIds ? FormattableString.Invariant($" and {outside.Count - ShownIds} more") : "";
                _leftOut.Add(FormattableString.Invariant(
                    $"{path}: {name} names {string.Join(", ", outside.Take(ShownIds).Select(id => id.ToString(CultureInfo.InvariantCulture)))}{more}, but the model's ids go from 0 to {vocabularySize - 1}: left out."));
            }
        }
    }
}
