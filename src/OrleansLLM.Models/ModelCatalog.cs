using OrleansLLM.Files;
using OrleansLLM.Models.Architectures;
using OrleansLLM.Models.Configuration;

namespace OrleansLLM.Models;

/// <summary>Every architecture that is built. To add one: a class in Architectures/ and a row here.</summary>
public static class ModelCatalog
{
    internal static IReadOnlyList<Architecture> All { get; } =
    [
        new Llama(),
        new Mistral(),
        new Qwen2(),
        new Qwen3(),
        new Gemma2(),
        new Gpt2(),
        new Mixtral(),
    ];

    /// <summary>The catalog's names.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. All.Select(architecture => architecture.Name)];

    /// <summary>By config.json: <paramref name="modelType"/> and the class must both fit, where they are given.</summary>
    /// <exception cref="FileFormatException">Neither is given, or the architecture is not built.</exception>
    internal static Architecture OfFolder(string path, string? modelType, string? className)
    {
        if (modelType is null && className is null)
        {
            throw new FileFormatException(path, "names neither model_type nor architectures");
        }

        return All.FirstOrDefault(row => (modelType ?? row.ModelType) == row.ModelType && (className ?? row.ClassName) == row.ClassName)
            ?? throw Unknown(path, $"{className ?? "model_type"} ({modelType ?? "no model_type"})", row => row.ClassName);
    }

    /// <summary>By a GGUF header: the name, and what else the header says where several share it.</summary>
    /// <exception cref="FileFormatException">The header names none, or the architecture is not built.</exception>
    internal static (Architecture Architecture, GgufConfig Header) OfGguf(GgufFile file)
    {
        var name = file.Metadata.Text("general.architecture")
            ?? throw new FileFormatException(file.Path, "general.architecture is missing: it holds no model that could be known");
        var header = new GgufConfig(file, name);
        var architecture = All.FirstOrDefault(row => row.GgufName == name && row.MatchesGguf(header))
            ?? throw Unknown(file.Path, name, row => row.GgufName);
        return (architecture, header);
    }

    private static UnsupportedModelException Unknown(string path, string found, Func<Architecture, string> name) =>
        new(path, $"architecture {found} is not built; {string.Join(", ", All.Select(name).Distinct())} are");
}
