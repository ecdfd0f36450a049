using System.Globalization;

namespace OrleansLLM.Hosting;

/// <summary>
/// The memory that this process may use: the machine's, or less where a container limits it (Linux control groups, version 1 and 2, with
/// every group above its own).
/// </summary>
/// <param name="TotalBytes">At most, together with everything else that runs under the same limit.</param>
/// <param name="AvailableBytes">Still free now; pages that merely cache files count as free.</param>
public sealed record MemoryAllowance(long TotalBytes, long AvailableBytes)
{
    /// <summary>A limit of a control group this large is none.</summary>
    private const long Unlimited = 1L << 60;

    public static MemoryAllowance Read()
    {
        if (OperatingSystem.IsLinux() && ReadLinux("/") is { } linux)
        {
            return linux;
        }

        var memory = GC.GetGCMemoryInfo();
        return new MemoryAllowance(
            memory.TotalAvailableMemoryBytes, Math.Max(0, memory.TotalAvailableMemoryBytes - memory.MemoryLoadBytes));
    }

    /// <summary>Reads <c>proc</c> and <c>sys</c> below <paramref name="root"/>; null where they are not there.</summary>
    internal static MemoryAllowance? ReadLinux(string root)
    {
        var facts = ReadTable(Path.Combine(root, "proc/meminfo"), ':');
        if (!facts.TryGetValue("MemTotal", out var total))
        {
            return null;
        }

        var allowance = new MemoryAllowance(total, facts.GetValueOrDefault("MemAvailable", total));
        foreach (var (folder, version) in GroupFolders(root))
        {
            allowance = version == 1
                ? Limit(allowance, folder, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
                : Limit(allowance, folder, "memory.max", "memory.current", "inactive_file");
        }

        return allowance;
    }

    private static MemoryAllowance Limit(MemoryAllowance allowance, string folder, string limitFile, string usageFile, string cacheKey)
    {
        if (ReadNumber(Path.Combine(folder, limitFile)) is not { } limit || limit >= Unlimited)
        {
            return allowance;
        }

        var usage = ReadNumber(Path.Combine(folder, usageFile)) ?? 0;
        var cached = ReadTable(Path.Combine(folder, "memory.stat"), ' ').GetValueOrDefault(cacheKey);
        var free = Math.Max(0, limit - Math.Max(0, usage - cached));
        return new MemoryAllowance(Math.Min(allowance.TotalBytes, limit), Math.Min(allowance.AvailableBytes, free));
    }

    /// <summary>This process's group and all above it; inside a container its own group is often the mount's root.</summary>
    private static IEnumerable<(string Folder, int Version)> GroupFolders(string root)
    {
        var file = Path.Combine(root, "proc/self/cgroup");
        foreach (var line in File.Exists(file) ? File.ReadAllLines(file) : [])
        {
            var parts = line.Split(':', 3);
            if (parts.Length < 3 || !(parts[1].Length == 0 || parts[1].Split(',').Contains("memory")))
            {
                continue;
            }

            var version = parts[1].Length == 0 ? 2 : 1;
            var mount = Path.Combine(root, version == 2 ? "sys/fs/cgroup" : "sys/fs/cgroup/memory");
            for (var group = parts[2].Trim('/'); ; group = Path.GetDirectoryName(group) ?? "")
            {
                yield return (Path.Combine(mount, group), version);
                if (group.Length == 0)
                {
                    break;
                }
            }
        }
    }

    private static long? ReadNumber(string file) =>
        File.Exists(file) && long.TryParse(File.ReadAllText(file).Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var value)
            ? value
            : null;

    /// <summary>Lines of a name and a number, in bytes or with the unit kB.</summary>
    private static Dictionary<string, long> ReadTable(string file, char separator)
    {
        var table = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var line in File.Exists(file) ? File.ReadAllLines(file) : [])
        {
            var at = line.IndexOf(separator, StringComparison.Ordinal);
            var words = at < 0 ? [] : line[(at + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words.Length > 0 && long.TryParse(words[0], NumberStyles.None, CultureInfo.InvariantCulture, out var value))
            {
                table[line[..at]] = words.Length > 1 && words[1] == "kB" ? value * 1024 : value;
            }
        }

        return table;
    }
}
