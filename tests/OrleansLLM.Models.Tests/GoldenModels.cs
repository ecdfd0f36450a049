using System.Text.Json;
using OrleansLLM.Files;

namespace OrleansLLM.Models.Tests;

/// <summary>
/// Opens reference models. A case of what no issue has built is skipped by name; what the first release promises never is.
/// </summary>
internal static class GoldenModels
{
    private static readonly string[] ModelTypes = ["llama", "mistral", "qwen2", "qwen3", "gemma2", "gpt2", "mixtral"];
    private static readonly string[] RopeTypes = ["default", "linear", "dynamic", "yarn", "llama3"];
    private static readonly string[] GgufNames = ["llama", "qwen2", "qwen3", "gemma2", "gpt2"];
    private static readonly string[] Formats = ["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q4_K", "Q6_K", "Q5_0", "Q5_1", "Q5_K"];

    public static ModelFile OpenFolder(string folder)
    {
        try
        {
            return ModelFile.Open(folder);
        }
        catch (UnsupportedModelException error)
        {
            Assert.False(IsPromisedFolder(folder), $"this must be built: {error.Message}");
            Assert.Skip($"no issue has built it yet: {error.Problem}");
            throw;
        }
    }

    public static ModelFile OpenGguf(string folder)
    {
        var path = GgufPath(folder);
        try
        {
            return ModelFile.Open(path);
        }
        catch (UnsupportedModelException error)
        {
            using var file = GgufFile.Open(path);
            var promised = GgufNames.Contains(file.Metadata.Text("general.architecture")) && file.Tensors.Values.All(tensor => Formats.Contains(tensor.Type));
            Assert.False(promised, $"this must be built: {error.Message}");
            Assert.Skip($"no issue has built it yet: {error.Problem}");
            throw;
        }
    }

    /// <summary>A case's model, or the first part of it.</summary>
    public static string GgufPath(string folder) => Directory.GetFiles(folder, "*.gguf").Order(StringComparer.Ordinal).First();

    private static bool IsPromisedFolder(string folder)
    {
        using var config = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "config.json")));
        var root = config.RootElement;
        var rope = root.TryGetProperty("rope_parameters", out var parameters) && parameters.ValueKind == JsonValueKind.Object
            && parameters.TryGetProperty("rope_type", out var type) ? type.GetString() : "default";
        return ModelTypes.Contains(root.GetProperty("model_type").GetString())
            && RopeTypes.Contains(rope)
            && !root.TryGetProperty("quantization_config", out _);
    }
}
