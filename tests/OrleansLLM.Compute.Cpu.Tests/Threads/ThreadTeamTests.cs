using System.Diagnostics;
using OrleansLLM.Compute.Cpu.Threads;
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

    /// <summary>Seconds of what <c>tests/Benchmarks soak-threads</c> does for as long as it is told.</summary>
    [Fact]
    public void Many_callers_get_the_results_of_one_thread_while_items_throw_and_threads_sleep()
    {
        var seed = Random.Shared.Next();
        TestContext.Current.TestOutputHelper!.WriteLine($"seed {seed}: {ThreadSoak.Run(TimeSpan.FromSeconds(4), seed)}");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void What_an_item_throws_on_any_thread_is_thrown_at_the_caller_and_the_team_goes_on(int throwing)
    {
        ThreadTeam.Shared.Grow(2);
        for (var round = 0; round < 100; round++)
        {
            var job = new ThrowingJob(throwing, new int[2]);
            Assert.Equal($"worker {throwing}", Assert.Throws<NotSupportedException>(() => ThreadTeam.Shared.Run(ref job, 2, 2)).Message);
            var next = new ThrowingJob(-1, new int[2]);
            ThreadTeam.Shared.Run(ref next, 2, 2);
            Assert.Equal([1, 1], next.Arrived);
        }
    }

    [Fact]
    public void What_an_item_throws_without_other_threads_is_thrown_at_the_caller()
    {
        var job = new ThrowingJob(0, [0, 1]);
        Assert.Throws<NotSupportedException>(() => ThreadTeam.Shared.Run(ref job, 1, 1));
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

    /// <summary>Each of its two workers waits until the other holds an item, too; then one throws.</summary>
    private readonly struct ThrowingJob(int throwing, int[] arrived) : IJob
    {
        public int[] Arrived => arrived;

        public void Run(int item, int worker)
        {
            Volatile.Write(ref arrived[worker], 1);
            var patience = Stopwatch.StartNew();
            while (Volatile.Read(ref arrived[1 - worker]) == 0)
            {
                Thread.Yield();
                if (patience.Elapsed > TimeSpan.FromSeconds(20))
                {
                    throw new TimeoutException($"worker {1 - worker} never came");
                }
            }

            if (worker == throwing)
            {
                throw new NotSupportedException($"worker {worker}");
            }
        }
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
