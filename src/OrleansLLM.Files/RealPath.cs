namespace OrleansLLM.Files;

/// <summary>Where files and folders really lie, whatever links lead there.</summary>
internal static class RealPath
{
    /// <summary>As many as Linux follows.</summary>
    private const int MaxLinks = 40;

    private static readonly char[] Separators = [Path.DirectorySeparatorChar, Path.AltDirectorySeparatorChar];

    /// <summary>The absolute path without a link in any of its parts; parts that are not there stay as they are written.</summary>
    /// <exception cref="FileFormatException">The links lead in a circle.</exception>
    public static string Of(string path)
    {
        var full = Path.GetFullPath(path);
        var real = Path.GetPathRoot(full)!;
        var parts = new Stack<string>(Parts(full[real.Length..]));
        var links = 0;
        while (parts.TryPop(out var part))
        {
            if (part == "..")
            {
                real = Path.GetDirectoryName(real) ?? real;
                continue;
            }

            var next = part == "." ? real : Path.Join(real, part);
            if (part == "." || TargetOf(next) is not { } target)
            {
                real = next;
                continue;
            }

            if (++links > MaxLinks)
            {
                throw new FileFormatException(path, "its links lead in a circle");
            }

            var root = Path.GetPathRoot(target) ?? "";
            real = root.Length > 0 ? Path.GetPathRoot(Path.GetFullPath(root))! : real;
            foreach (var step in Parts(target[root.Length..]))
            {
                parts.Push(step);
            }
        }

        return real;
    }

    /// <summary>The path, and where it is a link, the path that the link names, and so on.</summary>
    public static IEnumerable<string> Steps(string path)
    {
        yield return path;
        for (var links = 0; links < MaxLinks && TargetOf(path) is { } target; links++)
        {
            path = Path.Combine(Of(Path.GetDirectoryName(Path.GetFullPath(path))!), target);
            yield return path;
        }
    }

    /// <summary>What a link says, which may lead nowhere; null where the path is no link.</summary>
    public static string? TargetOf(string path) => new FileInfo(path).LinkTarget;

    private static IEnumerable<string> Parts(string path) => path.Split(Separators, StringSplitOptions.RemoveEmptyEntries).Reverse();
}
