namespace OrleansLLM.Testing;

/// <summary>
/// Where reference data lies. Cases are discovered by folder, never named. <c>./test --golden DIR --models DIR</c> sets
/// ORLEANSLLM_GOLDEN and ORLEANSLLM_MODELS; plain <c>./test</c> reads tests/golden and, where it is there, ../shared.
/// </summary>
public static class ReferenceData
{
    /// <summary>Folders laid out as golden/, each existing.</summary>
    public static IReadOnlyList<string> GoldenRoots { get; } = Roots("ORLEANSLLM_GOLDEN", "tests/golden", "../shared/golden");

    /// <summary>Folders laid out as models/, each existing.</summary>
    public static IReadOnlyList<string> ModelRoots { get; } = Roots("ORLEANSLLM_MODELS", "models", "../shared/models");

    /// <summary>The folder that holds OrleansLLM.sln.</summary>
    public static string Repository { get; } = FindRepository();

    /// <summary>The folder of the bundled model.</summary>
    public static string Atlas { get; } = Path.Combine(FindRepository(), "models", "atlas");

    /// <summary>
    /// The case folders below <paramref name="folder"/> (such as <c>hf</c>) that hold <paramref name="file"/>, by path relative to their
    /// root; a case that several roots hold counts once, the first root wins.
    /// </summary>
    public static IReadOnlyList<string> Cases(string folder, string file) =>
        [.. GoldenRoots
            .Select(root => Path.Combine(root, folder))
            .Where(Directory.Exists)
            .SelectMany(Directory.EnumerateDirectories)
            .Where(path => File.Exists(Path.Combine(path, file)))
            .DistinctBy(Path.GetFileName)
            .Order(StringComparer.Ordinal)];

    /// <summary>That folder in every root that holds it with an index.json; the roots' indexes list different things, so each is read.</summary>
    public static IReadOnlyList<string> Indexes(string folder) =>
        [.. GoldenRoots.Select(root => Path.Combine(root, folder)).Where(path => File.Exists(Path.Combine(path, "index.json")))];

    private static IReadOnlyList<string> Roots(string variable, params string[] standard)
    {
        var given = Environment.GetEnvironmentVariable(variable);
        var names = string.IsNullOrEmpty(given) ? standard.Select(path => Path.Combine(FindRepository(), path)) : [given];
        return [.. names.Select(Path.GetFullPath).Where(Directory.Exists)];
    }

    private static string FindRepository()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "OrleansLLM.sln")))
        {
            folder = folder.Parent;
        }

        return folder?.FullName ?? Directory.GetCurrentDirectory();
    }
}
