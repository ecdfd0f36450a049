using System.Diagnostics;
using OrleansLLM.Testing.Contract;

namespace OrleansLLM.Compute.Cpu.Tests.Threads;

/// <summary>Alone, because the team is the process's: what else runs would keep it awake.</summary>
[CollectionDefinition(nameof(ThreadTeamTests), DisableParallelization = true)]
[Collection(nameof(ThreadTeamTests))]
public sealed class ThreadTeamTests
{
    [Fact]
    public void Devices_of_a_process_share_the_team_and_get_their_own_results()
    {
        var expected = Compute(1, 1);
        var results = new float[6][];
        var callers = Enumerable.Range(0, results.Length).Select(i => new Thread(() => results[i] = Compute(2 + (i % 3), 300))).ToList();
        callers.ForEach(caller => caller.Start());
        callers.ForEach(caller => caller.Join());
        Assert.All(results, result => Arrange.AssertSameBits(expected, result));
    }

    [Fact]
    public void Threads_sleep_when_there_is_nothing_to_do_and_wake_for_the_next_job()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "what threads do is read from /proc");
        var expected = Compute(1, 1);
        Arrange.AssertSameBits(expected, Compute(4, 10));
        Assert.True(States().Count >= 3, "the team has no threads");
        var patience = Stopwatch.StartNew();
        while (States().Exists(state => state != 'S'))
        {
            Assert.True(patience.Elapsed < TimeSpan.FromSeconds(20), $"threads of an idle team are {string.Join(' ', States())}");
            Thread.Yield();
        }

        Arrange.AssertSameBits(expected, Compute(4, 10));
    }

    private static float[] Compute(int threads, int times)
    {
        var random = new Random(71);
        var source = new LinearSource(Arrange.Weights(random, WeightFormats.F32, 640, 64));
        using var device = TestDevices.Create(threads);
        using var weight = device.Load(source);
        var (input, to) = (Arrange.Upload(device, Arrange.Numbers(random, 9 * 64), 9, 64), device.Allocate(9, 640));
        for (var i = 0; i < times; i++)
        {
            device.Linear(input, weight, to);
        }

        return Arrange.Download(device, to);
    }

    /// <summary>Of each thread of the team: S = it sleeps, R = it runs or wants to.</summary>
    private static List<char> States() =>
    [
        .. Directory.GetDirectories("/proc/self/task")
            .Select(Stat)
            .Where(stat => stat.Contains("(compute ", StringComparison.Ordinal))
            .Select(stat => stat[stat.LastIndexOf(')') + 2]),
    ];

    /// <summary>Empty for a thread that has ended meanwhile.</summary>
    private static string Stat(string task)
    {
        try
        {
            return File.ReadAllText(Path.Combine(task, "stat"));
        }
        catch (IOException)
        {
            return "";
        }
    }
}
