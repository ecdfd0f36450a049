using System.Text.Json;
using OrleansLLM.Files;

namespace OrleansLLM.Hosting;

/// <summary>What a folder's tokenizer_config.json and special_tokens_map.json call the model's special tokens.</summary>
/// <param name="Tokens">By name, such as <c>bos_token</c>.</param>
/// <param name="Ends">Every <c>eos_token</c>, with its file; the two files may differ.</param>
internal sealed record SpecialTokenNames(IReadOnlyDictionary<string, string> Tokens, IReadOnlyList<(string File, string Text)> Ends)
{
    public const string ConfigFile = "tokenizer_config.json";

    private const string MapFile = "special_tokens_map.json";

    private const string EndName = "eos_token";

    /// <summary>
    /// Of a token that both name, transformers takes that of special_tokens_map.json, but for newer folders, whose tokenizer_config.json has
    /// added_tokens_decoder.
    /// </summary>
    /// <exception cref="FileFormatException">A file is no JSON object, or can't be read.</exception>
    public static SpecialTokenNames Read(FolderFiles folder)
    {
        using var config = folder.Contains(ConfigFile) ? folder.ReadJson(ConfigFile) : null;
        using var map = folder.Contains(MapFile) ? folder.ReadJson(MapFile) : null;
        var isNewer = config?.RootElement.TryGetProperty("added_tokens_decoder", out _) == true;
        var tokens = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var file in isNewer ? new[] { map, config } : [config, map])
        {
            AddTokens(file, tokens);
        }

        return new(tokens, [.. EndsIn(ConfigFile, config), .. EndsIn(MapFile, map)]);
    }

    /// <summary>Every key that ends in <c>_token</c>.</summary>
    private static void AddTokens(JsonDocument? file, Dictionary<string, string> tokens)
    {
        if (file is null)
        {
            return;
        }

        foreach (var property in file.RootElement.EnumerateObject())
        {
            if (property.Name.EndsWith("_token", StringComparison.Ordinal) && TextOf(property.Value) is { } text)
            {
                tokens[property.Name] = text;
            }
        }
    }

    private static IEnumerable<(string File, string Text)> EndsIn(string name, JsonDocument? file)
    {
        if (file?.RootElement.TryGetProperty(EndName, out var value) != true)
        {
            return [];
        }

        var tokens = value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray()] : (JsonElement[])[value];
        return [.. tokens.Select(TextOf).OfType<string>().Select(text => (name, text))];
    }

    /// <summary>A text, or an object with the content.</summary>
    private static string? TextOf(JsonElement token)
    {
        var value = token.ValueKind == JsonValueKind.Object && token.TryGetProperty("content", out var content) ? content : token;
        return value.ValueKind == JsonValueKind.String ? value.GetString() : null;
    }
}
