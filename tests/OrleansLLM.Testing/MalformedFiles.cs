using System.Text.Json;

namespace OrleansLLM.Testing;

/// <summary>The broken files of formats/malformed, with what a reader must do: <c>load</c>, <c>refuse</c> or <c>refuse or load</c>.</summary>
public static class MalformedFiles
{
    /// <param name="kind">safetensors, gguf or checkpoint.</param>
    public static IEnumerable<(string Path, string Expect)> Of(string kind) =>
        ReferenceData.Indexes("formats/malformed").SelectMany(folder => Of(kind, folder)).DistinctBy(item => item.Name).Select(item => (item.Path, item.Expect));

    private static List<(string Name, string Path, string Expect)> Of(string kind, string folder)
    {
        using var index = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "index.json")));
        return [.. index.RootElement.GetProperty("cases").EnumerateArray()
            .Where(entry => entry.GetProperty("kind").GetString() == kind)
            .Select(entry => (Name: entry.GetProperty("path").GetString()!, Expect: entry.GetProperty("expect").GetString()!))
            .Select(item => (item.Name, Path.Combine(folder, item.Name), item.Expect))];
    }
}
