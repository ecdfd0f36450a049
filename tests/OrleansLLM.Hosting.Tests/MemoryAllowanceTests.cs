using System.Globalization;

namespace OrleansLLM.Hosting.Tests;

public sealed class MemoryAllowanceTests : IDisposable
{
    private const long MiB = 1 << 20;

    private readonly string _root = Directory.CreateTempSubdirectory().FullName;

    public MemoryAllowanceTests()
    {
        Write("proc/meminfo", "MemTotal:       16384000 kB\nMemFree:          1024 kB\nMemAvailable:    8192000 kB\n");
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void A_machine_without_limits_allows_all_its_memory()
    {
        Write("proc/self/cgroup", "0::/user.slice\n");
        Write("sys/fs/cgroup/user.slice/memory.max", "max\n");

        Assert.Equal(new MemoryAllowance(16384000L * 1024, 8192000L * 1024), MemoryAllowance.ReadLinux(_root));
    }

    [Fact]
    public void A_version_2_group_limits_it_and_its_file_pages_count_as_free()
    {
        Write("proc/self/cgroup", "0::/\n");
        Group("sys/fs/cgroup", "memory.max", 512 * MiB, "memory.current", 300 * MiB, "inactive_file", 100 * MiB);

        Assert.Equal(new MemoryAllowance(512 * MiB, 312 * MiB), MemoryAllowance.ReadLinux(_root));
    }

    [Fact]
    public void The_tightest_group_above_counts()
    {
        Write("proc/self/cgroup", "0::/pods/pod1/box\n");
        Group("sys/fs/cgroup/pods/pod1/box", "memory.max", 900 * MiB, "memory.current", 100 * MiB, "inactive_file", 0);
        Group("sys/fs/cgroup/pods/pod1", "memory.max", 400 * MiB, "memory.current", 200 * MiB, "inactive_file", 0);

        Assert.Equal(new MemoryAllowance(400 * MiB, 200 * MiB), MemoryAllowance.ReadLinux(_root));
    }

    [Fact]
    public void A_version_1_group_limits_it()
    {
        Write("proc/self/cgroup", "5:cpu,cpuacct:/box\n4:memory:/box\n");
        Group(
            "sys/fs/cgroup/memory/box", "memory.limit_in_bytes", 256 * MiB, "memory.usage_in_bytes", 200 * MiB, "total_inactive_file", 50 * MiB);
        Write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");

        Assert.Equal(new MemoryAllowance(256 * MiB, 106 * MiB), MemoryAllowance.ReadLinux(_root));
    }

    [Fact]
    public void This_machine_allows_some_memory()
    {
        var allowance = MemoryAllowance.Read();

        Assert.InRange(allowance.AvailableBytes, 1, allowance.TotalBytes);
    }

    private void Group(string folder, string limitFile, long limit, string usageFile, long usage, string cacheKey, long cached)
    {
        Write(Path.Combine(folder, limitFile), limit.ToString(CultureInfo.InvariantCulture) + "\n");
        Write(Path.Combine(folder, usageFile), usage.ToString(CultureInfo.InvariantCulture) + "\n");
        Write(Path.Combine(folder, "memory.stat"), string.Create(CultureInfo.InvariantCulture, $"anon 5\n{cacheKey} {cached}\n"));
    }

    private void Write(string path, string text)
    {
        var file = Path.Combine(_root, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text);
    }
}
