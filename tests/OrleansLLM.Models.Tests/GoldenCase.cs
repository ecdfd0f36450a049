using System.Text.Json;

namespace OrleansLLM.Models.Tests;

/// <summary>What transformers computed for a tiny causal model: golden.json of hf, gguf and formats/checkpoints.</summary>
internal sealed record GoldenCase(int[][] Prompts, float[][] LastLogits, int[][] Argmax, int[][] Greedy, float[] Margin)
{
    public static GoldenCase Read(string folder)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "golden.json")));
        var root = document.RootElement;
        return new(
            root.GetProperty("prompts").Deserialize<int[][]>()!,
            root.GetProperty("last_logits").Deserialize<float[][]>()!,
            root.GetProperty("argmax").Deserialize<int[][]>()!,
            root.GetProperty("greedy").Deserialize<int[][]>()!,
            root.GetProperty("margin").Deserialize<float[]>()!);
    }
}
