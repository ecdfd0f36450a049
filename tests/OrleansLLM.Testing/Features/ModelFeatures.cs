using System.Text.Json;
using OrleansLLM.Files;

namespace OrleansLLM.Testing;

/// <summary>What a model's files name: config.json in a folder, the header of a GGUF file.</summary>
public static class ModelFeatures
{
    /// <param name="model">A folder with a config.json, or a GGUF file.</param>
    public static IEnumerable<Feature> Of(string model) => Directory.Exists(model) ? OfFolder(model) : OfGguf(model);

    /// <summary>The kind that the case's golden.json says.</summary>
    public static Feature KindOf(string folder)
    {
        using var golden = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "golden.json")));
        return Built.ModelKinds[golden.RootElement.GetProperty("kind").GetString()!];
    }

    /// <summary>The GGUF file in a case's folder, or the first part of it.</summary>
    public static string GgufPath(string folder) => Directory.GetFiles(folder, "*.gguf").Order(StringComparer.Ordinal).First();

    private static List<Feature> OfFolder(string folder)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "config.json")));
        var config = document.RootElement;
        var features = new List<Feature>();
        void Add(BuiltList list, string? name)
        {
            if (name is not null)
            {
                features.Add(list[name]);
            }
        }

        Add(Built.ModelTypes, Text(config, "model_type"));
        Add(Built.ModelClasses, config.TryGetProperty("architectures", out var classes) ? classes.EnumerateArray().FirstOrDefault().GetString() : null);
        Add(Built.Activations, Text(config, "hidden_activation") ?? Text(config, "hidden_act") ?? Text(config, "activation_function"));
        var rope = Section(config, "rope_parameters") ?? Section(config, "rope_scaling");
        Add(Built.RopeScalings, rope is { } scaling ? Text(scaling, "rope_type") ?? Text(scaling, "type") : null);
        var quantization = Section(config, "quantization_config") ?? Section(config, "compression_config");
        Add(Built.Quantizations, quantization is { } method ? Text(method, "quant_method") ?? "without a name" : null);
        return features;
    }

    private static List<Feature> OfGguf(string path)
    {
        using var file = GgufFile.Open(path);
        var architecture = file.Metadata.Text("general.architecture") ?? "without a name";
        var scaling = file.Metadata.Text($"{architecture}.rope.scaling.type") ?? "none";
        return
        [
            Built.GgufArchitectures[architecture],
            Built.RopeScalings[scaling == "none" ? "default" : scaling],
            .. file.Tensors.Values.Select(tensor => Built.WeightFormats[tensor.Type]).Distinct(),
        ];
    }

    private static string? Text(JsonElement section, string name) =>
        section.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static JsonElement? Section(JsonElement config, string name) =>
        config.TryGetProperty(name, out var section) && section.ValueKind == JsonValueKind.Object ? section : null;
}
