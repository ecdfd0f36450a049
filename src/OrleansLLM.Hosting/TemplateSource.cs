using System.Text.Json;
using OrleansLLM.Files;
using OrleansLLM.Models;
using OrleansLLM.Text;

namespace OrleansLLM.Hosting;

/// <summary>Where a model keeps its chat template, and the special tokens that the template may name.</summary>
/// <param name="Text">Null where the model has none.</param>
/// <param name="Tokens">Such as <c>bos_token</c>, by name.</param>
internal sealed record TemplateSource(string? Text, IReadOnlyDictionary<string, string> Tokens)
{
    private const string TemplateFile = "chat_template.jinja";

    private const string ConfigFile = "tokenizer_config.json";

    private static readonly (string Name, string Key)[] GgufTokens =
    [
        ("bos_token", "tokenizer.ggml.bos_token_id"), ("eos_token", "tokenizer.ggml.eos_token_id"),
        ("unk_token", "tokenizer.ggml.unknown_token_id"), ("pad_token", "tokenizer.ggml.padding_token_id"),
    ];

    public static TemplateSource Find(ModelFile file, TextTokenizer tokenizer) =>
        file.Gguf is { } gguf ? OfGguf(gguf, tokenizer) : OfFolder(new FolderFiles(file.Path));

    /// <summary>A file of its own, else what tokenizer_config.json holds: a text, or a list of named ones with a default.</summary>
    internal static TemplateSource OfFolder(FolderFiles folder)
    {
        string? text = null;
        var tokens = new Dictionary<string, string>(StringComparer.Ordinal);
        if (folder.Contains(ConfigFile))
        {
            using var document = folder.ReadJson(ConfigFile);
            text = TextOf(document.RootElement);
            AddTokens(document.RootElement, tokens);
        }

        return new TemplateSource(folder.Contains(TemplateFile) ? System.Text.Encoding.UTF8.GetString(folder.ReadBytes(TemplateFile)) : text, tokens);
    }

    private static TemplateSource OfGguf(GgufFile file, TextTokenizer tokenizer)
    {
        var tokens = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, key) in GgufTokens)
        {
            if (file.Metadata.Integer(key) is { } id && tokenizer.GetToken((int)id) is { } token)
            {
                tokens[name] = token;
            }
        }

        return new TemplateSource(file.Metadata.Text("tokenizer.chat_template"), tokens);
    }

    private static string? TextOf(JsonElement config)
    {
        if (!config.TryGetProperty("chat_template", out var template))
        {
            return null;
        }

        return template.ValueKind switch
        {
            JsonValueKind.String => template.GetString(),
            JsonValueKind.Array => template.EnumerateArray()
                .OrderByDescending(entry => entry.GetProperty("name").GetString() == "default")
                .Select(entry => entry.GetProperty("template").GetString())
                .FirstOrDefault(),
            _ => null,
        };
    }

    /// <summary>Every key that ends in <c>_token</c>, a text or an object with the content.</summary>
    private static void AddTokens(JsonElement config, Dictionary<string, string> tokens)
    {
        foreach (var property in config.EnumerateObject().Where(property => property.Name.EndsWith("_token", StringComparison.Ordinal)))
        {
            var value = property.Value.ValueKind == JsonValueKind.Object && property.Value.TryGetProperty("content", out var content)
                ? content
                : property.Value;
            if (value.ValueKind == JsonValueKind.String)
            {
                tokens[property.Name] = value.GetString()!;
            }
        }
    }
}
