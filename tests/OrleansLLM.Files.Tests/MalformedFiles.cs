using System.Text.Json;
using OrleansLLM.Testing;

namespace OrleansLLM.Files.Tests;

/// <summary>The broken files of formats/malformed, by kind: rows of (path, expect).</summary>
public static class MalformedFiles
{
    public static TheoryData<string, string> Of(string kind)
    {
        var rows = new TheoryData<string, string>();
        foreach (var folder in ReferenceData.GoldenRoots.Select(root => Path.Combine(root, "formats", "malformed")))
        {
            if (!File.Exists(Path.Combine(folder, "index.json")))
            {
                continue;
            }

            using var index = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "index.json")));
            foreach (var entry in index.RootElement.GetProperty("cases").EnumerateArray())
            {
                if (entry.GetProperty("kind").GetString() == kind)
                {
                    rows.Add(Path.Combine(folder, entry.GetProperty("path").GetString()!), entry.GetProperty("expect").GetString()!);
                }
            }
        }

        return rows;
    }
}
