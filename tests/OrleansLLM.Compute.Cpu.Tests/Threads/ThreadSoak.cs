using System.Diagnostics;
using System.Runtime.CompilerServices;
using OrleansLLM.Compute.Cpu.Threads;

namespace OrleansLLM.Compute.Cpu.Tests.Threads;

/// <summary>
/// Many callers use the process's team at once, for as long as they are given: jobs of random sizes on random numbers of threads, pauses in
/// which the team falls asleep, items that throw. Each job is compared with what one thread computes.
/// </summary>
internal sealed class ThreadSoak
{
    private const int Callers = 6;
    private const int MostThreads = 8;
    private const int MostItems = 3000;

    /// <summary>Jobs of a caller until all meet and pause.</summary>
    private const int JobsBetweenPauses = 50;

    /// <summary>For the jobs under way at the end, and for the meeting.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly CancellationTokenSource _stop = new();
    private readonly Barrier _meeting;
    private readonly Random _pauses;
    private long _jobs;
    private long _items;
    private long _thrown;
    private long _pausesTaken;
    private Exception? _failure;

    private ThreadSoak(int seed)
    {
        _pauses = new Random(seed);
        _meeting = new Barrier(Callers, _ => Pause());
    }

    /// <summary>What was done, as a sentence.</summary>
    /// <exception cref="InvalidOperationException">A job had another result than on one thread, an item ran twice or never, or a job hung.</exception>
    public static string Run(TimeSpan duration, int seed)
    {
        var soak = new ThreadSoak(seed);
        ThreadTeam.Shared.Grow(2);
        var callers = Enumerable.Range(0, Callers).Select(i => new Thread(() => soak.Call(new Random(seed + i + 1), i)) { IsBackground = true }).ToList();
        callers.ForEach(caller => caller.Start());
        soak._stop.CancelAfter(duration);
        var patience = Stopwatch.StartNew();
        if (!callers.TrueForAll(caller => caller.Join(Max(duration + Patience - patience.Elapsed, TimeSpan.Zero))))
        {
            throw new InvalidOperationException($"After {duration + Patience} a caller still waits for its job.", soak._failure);
        }

        return soak._failure is { } failure
            ? throw new InvalidOperationException($"Seed {seed}: {failure.Message}", failure)
            : FormattableString.Invariant(
                $"{soak._jobs} jobs with {soak._items} items by {Callers} callers, {soak._thrown} of which threw, and {soak._pausesTaken} pauses");
    }

    private static TimeSpan Max(TimeSpan left, TimeSpan right) => left > right ? left : right;

    private void Call(Random random, int caller)
    {
        try
        {
            for (var job = 0; !_stop.IsCancellationRequested; job++)
            {
                RunJob(random, caller);
                if (job % JobsBetweenPauses == JobsBetweenPauses - 1)
                {
                    _meeting.SignalAndWait(_stop.Token);
                }
            }
        }
        catch (OperationCanceledException)
        {
        }
        catch (Exception exception)
        {
            Interlocked.CompareExchange(ref _failure, exception, null);
            _stop.Cancel();
        }
    }

    /// <summary>Long enough, more often than not, for threads to park.</summary>
    private void Pause()
    {
        _stop.Token.WaitHandle.WaitOne(_pauses.Next(3));
        _pausesTaken++;
    }

    private void RunJob(Random random, int caller)
    {
        var items = random.Next(4) switch { 0 => random.Next(4), 1 => random.Next(MostItems), _ => random.Next(40) };
        var threads = random.Next(1, MostThreads + 1);
        ThreadTeam.Shared.Grow(threads);
        var bad = items > 0 && random.Next(100) == 0 ? random.Next(items) : -1;
        var job = new SoakJob(random.Next(), random.Next(64), bad, new ulong[items], new int[items], new int[threads * SoakJob.Padding]);
        var thrown = Try(ref job, items, threads);
        Interlocked.Increment(ref _jobs);
        Interlocked.Add(ref _items, items);
        if (thrown is null && bad < 0)
        {
            CheckResults(job, items, threads, caller);
        }
        else if (thrown is null || thrown.Job != job.Seed)
        {
            throw new InvalidOperationException($"Caller {caller}: item {bad} of job {job.Seed} throws, and it got what job {thrown?.Job} threw.", thrown);
        }
        else
        {
            Interlocked.Increment(ref _thrown);
        }
    }

    private static BadItemException? Try(ref SoakJob job, int items, int threads)
    {
        try
        {
            ThreadTeam.Shared.Run(ref job, items, threads);
            return null;
        }
        catch (BadItemException exception)
        {
            return exception;
        }
    }

    private static void CheckResults(in SoakJob job, int items, int threads, int caller)
    {
        for (var item = 0; item < items; item++)
        {
            if (job.Runs[item] != 1 || job.Results[item] != SoakJob.Compute(job.Seed, item, job.Rounds))
            {
                throw new InvalidOperationException(
                    $"Caller {caller}: item {item} of {items}, on at most {threads} threads, ran {job.Runs[item]} times and gave {job.Results[item]}.");
            }
        }
    }

    /// <summary>Which job's item threw.</summary>
    private sealed class BadItemException(int job) : Exception
    {
        public int Job { get; } = job;
    }

    /// <param name="seed">What its results are made of.</param>
    /// <param name="rounds">How much work an item is.</param>
    /// <param name="bad">The item that throws, or -1.</param>
    /// <param name="busy">Whether each worker that may take part holds an item, a line of memory apart.</param>
    private struct SoakJob(int seed, int rounds, int bad, ulong[] results, int[] runs, int[] busy) : IJob
    {
        public const int Padding = 32;

        public readonly int Seed => seed;

        public readonly int Rounds => rounds;

        public readonly ulong[] Results => results;

        public readonly int[] Runs => runs;

        public readonly void Run(int item, int worker)
        {
            if (Interlocked.Exchange(ref busy[worker * Padding], 1) != 0)
            {
                throw new InvalidOperationException($"Two threads are worker {worker} at once.");
            }

            if (item == bad)
            {
                throw new BadItemException(seed);
            }

            Interlocked.Increment(ref runs[item]);
            results[item] = Compute(seed, item, rounds);
            Volatile.Write(ref busy[worker * Padding], 0);
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        public static ulong Compute(int seed, int item, int rounds)
        {
            var value = ((ulong)(uint)seed << 32) | (uint)item;
            for (var round = 0; round <= rounds; round++)
            {
                value = (value ^ (value >> 29)) * 0x9E3779B97F4A7C15;
            }

            return value;
        }
    }
}
