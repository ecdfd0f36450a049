using System.Text.Json;
using OrleansLLM.Files;

namespace OrleansLLM.Testing;

/// <summary>What a tokenizer's files name.</summary>
public static class TokenizerFeatures
{
    /// <param name="model">A folder with a tokenizer.json, or a GGUF file.</param>
    public static IEnumerable<Feature> Of(string model)
    {
        if (Directory.Exists(model))
        {
            return OfJson(Path.Combine(model, "tokenizer.json"));
        }

        using var file = GgufFile.Open(model);
        return OfGguf(file.Metadata);
    }

    public static IEnumerable<Feature> OfGguf(GgufMetadata metadata)
    {
        var kind = metadata.Text("tokenizer.ggml.model") ?? "without a name";
        return kind == "gpt2"
            ? [Built.GgufVocabularies[kind], Built.GgufPreTokenizers[metadata.Text("tokenizer.ggml.pre") ?? "without a name"]]
            : [Built.GgufVocabularies[kind]];
    }

    /// <summary>A component of a tokenizer.json, and those within it.</summary>
    public static IEnumerable<Feature> OfComponent(BuiltList list, JsonElement component)
    {
        if (component.ValueKind == JsonValueKind.Object && component.TryGetProperty("type", out var type))
        {
            yield return list[type.GetString()!];
        }

        var children = component.ValueKind == JsonValueKind.Object ? component.EnumerateObject() : default;
        foreach (var child in children.Where(child => child.Value.ValueKind == JsonValueKind.Array && child.Name is "normalizers" or "pretokenizers" or "processors" or "decoders")
            .SelectMany(child => child.Value.EnumerateArray()).SelectMany(child => OfComponent(list, child)))
        {
            yield return child;
        }
    }

    /// <summary>Old files leave the model's type out where it is BPE.</summary>
    private static List<Feature> OfJson(string path)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(path));
        var root = document.RootElement;
        var model = root.GetProperty("model").TryGetProperty("type", out var type) ? type.GetString()! : "BPE";
        var features = new List<Feature> { Built.TokenizerModels[model] };
        foreach (var (name, list) in new[]
        {
            ("normalizer", Built.Normalizers), ("pre_tokenizer", Built.PreTokenizers), ("post_processor", Built.PostProcessors), ("decoder", Built.TokenDecoders),
        })
        {
            features.AddRange(root.TryGetProperty(name, out var component) ? OfComponent(list, component) : []);
        }

        return features;
    }
}
