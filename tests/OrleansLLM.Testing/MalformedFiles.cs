using System.Text.Json;

namespace OrleansLLM.Testing;

/// <summary>The broken files of formats/malformed, with what a reader must do: <c>load</c>, <c>refuse</c> or <c>refuse or load</c>.</summary>
public static class MalformedFiles
{
    /// <param name="kind">safetensors, gguf or checkpoint.</param>
    public static IEnumerable<(string Path, string Expect)> Of(string kind)
    {
        foreach (var folder in ReferenceData.Cases("formats", "index.json").Where(path => Path.GetFileName(path) == "malformed"))
        {
            using var index = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "index.json")));
            foreach (var entry in index.RootElement.GetProperty("cases").EnumerateArray())
            {
                if (entry.GetProperty("kind").GetString() == kind)
                {
                    yield return (Path.Combine(folder, entry.GetProperty("path").GetString()!), entry.GetProperty("expect").GetString()!);
                }
            }
        }
    }
}
