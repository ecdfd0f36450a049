using OrleansLLM.Testing;

namespace OrleansLLM.Architecture.Tests;

/// <summary>The source tree that these tests were built from.</summary>
internal static class Repository
{
    public static string Root { get; } = ReferenceData.Repository;

    public static string Source { get; } = Path.Combine(Root, "src");

    public static IReadOnlyList<string> Projects { get; } =
        [.. Directory.EnumerateFiles(Source, "*.csproj", SearchOption.AllDirectories).Select(path => Path.GetFileNameWithoutExtension(path)!).Order(StringComparer.Ordinal)];

    /// <summary>Every written C# file under src, by path relative to it.</summary>
    public static IReadOnlyList<string> Files { get; } =
        [.. Directory.EnumerateFiles(Source, "*.cs", SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(Source, path).Replace('\\', '/'))
            .Where(path => !path.Contains("/obj/", StringComparison.Ordinal) && !path.Contains("/bin/", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal)];

    public static string Read(string file) => File.ReadAllText(Path.Combine(Source, file));

    public static int LinesOf(string file) => File.ReadLines(Path.Combine(Source, file)).Count();
}
