using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using static System.FormattableString;

namespace OrleansLLM.Compute.Cpu.Threads;

/// <summary>
/// The worker threads of this process, shared by its devices. Promises: the caller is worker 0; items are handed out one by one, so a
/// worker that the system has not scheduled is not waited for unless it holds an item; running a job allocates nothing; threads spin
/// briefly, yielding to others, then park; an idle team uses no CPU. Calls from several threads take turns. An item that throws ends its
/// job, at the caller, and nothing else.
/// </summary>
internal sealed unsafe class ThreadTeam
{
    /// <summary>The process's team.</summary>
    public static ThreadTeam Shared { get; } = new();

    private const long Open = 1L << 31;
    private const long ActiveMask = Open - 1;

    /// <summary>Long enough for the gap between two operations of a step, short enough to be nothing at rest.</summary>
    private static readonly long SpinTicks = Stopwatch.Frequency / 10_000;

    private readonly Lock _turn = new();
    private Worker[] _workers = [];

    /// <summary>| generation 32 | open 1 | workers inside 31 |. The generation makes a state of a job that is over equal to no later one.</summary>
    private PaddedState _state;
    private PaddedItem _next;
    private void* _job;
    private delegate*<void*, int, int, void> _body;
    private int _items;
    private int _limit;
    private ExceptionDispatchInfo? _thrown;

    private ThreadTeam()
    {
    }

    /// <summary>Starts threads until <paramref name="threads"/>, the caller included, can work together.</summary>
    public void Grow(int threads)
    {
        lock (_turn)
        {
            var first = _workers.Length;
            if (threads - 1 <= first)
            {
                return;
            }

            var grown = new Worker[threads - 1];
            _workers.CopyTo(grown, 0);
            for (var i = first; i < grown.Length; i++)
            {
                grown[i] = new Worker();
                var (worker, index) = (grown[i], i + 1);
                var thread = new Thread(() => Work(worker, index), 512 * 1024) { IsBackground = true, Name = Invariant($"compute {index}") };
                thread.UnsafeStart();
            }

            _workers = grown;
        }
    }

    /// <summary>
    /// Does items 0 to <paramref name="items"/> - 1 with at most <paramref name="threads"/> workers and waits for them. What an item throws
    /// is thrown here, the first of several, once no worker holds an item; others may be left out.
    /// </summary>
    public void Run<TJob>(ref TJob job, int items, int threads)
        where TJob : struct, IJob
    {
        if (threads <= 1 || items <= 1)
        {
            for (var item = 0; item < items; item++)
            {
                job.Run(item, 0);
            }

            return;
        }

        lock (_turn)
        {
            // The job lives in the caller's frame, which stays until no worker is active: a worker counts itself in only while the state is
            // open, by the very write that checks it, and Close waits for the count. Nobody inside reads these fields while they change.
            _job = Unsafe.AsPointer(ref job);
            _body = &Invoke<TJob>;
            _items = items;
            _limit = threads;
            _next.Value = 0;
            Volatile.Write(ref _state.Value, (((_state.Value >>> 32) + 1) << 32) | Open);

            // A worker that parks says so and then reads the state; here it is the other way round. With a fence between both, one of the two
            // sees the other: no worker sleeps through a job.
            Interlocked.MemoryBarrier();
            Wake(Math.Min(threads, items) - 1);
            TryItems(0);
            Close();
            ThrowIfThrown();
        }
    }

    private static void Invoke<TJob>(void* job, int item, int worker)
        where TJob : struct, IJob =>
        Unsafe.AsRef<TJob>(job).Run(item, worker);

    private void Wake(int count)
    {
        var workers = _workers;
        for (var i = 0; i < count && i < workers.Length; i++)
        {
            if (Volatile.Read(ref workers[i].Parked) != 0 && Interlocked.Exchange(ref workers[i].Parked, 0) != 0)
            {
                workers[i].Signal.Set();
            }
        }
    }

    private void TryItems(int worker)
    {
        try
        {
            DoItems(worker);
        }
#pragma warning disable CA1031 // on a worker's thread it would end the process, on the caller's leave the others with a job that is gone
        catch (Exception exception)
#pragma warning restore CA1031
        {
            Interlocked.CompareExchange(ref _thrown, ExceptionDispatchInfo.Capture(exception), null);
        }
    }

    private void ThrowIfThrown()
    {
        if (_thrown is { } thrown)
        {
            _thrown = null;
            thrown.Throw();
        }
    }

    private void DoItems(int worker)
    {
        var job = _job;
        var body = _body;
        var items = _items;
        for (var item = Interlocked.Increment(ref _next.Value) - 1; item < items; item = Interlocked.Increment(ref _next.Value) - 1)
        {
            body(job, item, worker);
        }
    }

    /// <summary>Lets nobody in any more and waits for those who still hold an item.</summary>
    private void Close()
    {
        Interlocked.And(ref _state.Value, ~Open);
        var spins = 0;
        while ((Volatile.Read(ref _state.Value) & ActiveMask) != 0)
        {
            Pause(ref spins);
        }
    }

    private void Work(Worker self, int index)
    {
        var seen = 0L;
        while (true)
        {
            var state = Await(self, seen);
            seen = state >>> 32;
            if (TryEnter(state))
            {
                if (index < _limit)
                {
                    TryItems(index);
                }

                Interlocked.Decrement(ref _state.Value);
            }
        }
    }

    private bool TryEnter(long state)
    {
        while ((state & Open) != 0)
        {
            var found = Interlocked.CompareExchange(ref _state.Value, state + 1, state);
            if (found == state)
            {
                return true;
            }

            if (found >>> 32 != state >>> 32)
            {
                return false;
            }

            state = found;
        }

        return false;
    }

    /// <summary>The state of a job newer than the one that was seen.</summary>
    private long Await(Worker self, long seen)
    {
        var start = Stopwatch.GetTimestamp();
        var spins = 0;
        while (true)
        {
            var state = Volatile.Read(ref _state.Value);
            if (state >>> 32 != seen)
            {
                return state;
            }

            Pause(ref spins);
            if ((spins & 15) == 0 && Stopwatch.GetTimestamp() - start > SpinTicks)
            {
                Park(self, seen);
                start = Stopwatch.GetTimestamp();
            }
        }
    }

    private void Park(Worker self, long seen)
    {
        Interlocked.Exchange(ref self.Parked, 1);
        if (Volatile.Read(ref _state.Value) >>> 32 == seen || Interlocked.Exchange(ref self.Parked, 0) == 0)
        {
            self.Signal.WaitOne();
        }
    }

    /// <summary>A short pause; every eighth gives the core to whoever wants it.</summary>
    private static void Pause(ref int spins)
    {
        if ((++spins & 7) == 0)
        {
            Thread.Yield();
        }
        else
        {
            Thread.SpinWait(4);
        }
    }

    private sealed class Worker
    {
        public int Parked;

        public AutoResetEvent Signal { get; } = new(false);
    }

    [StructLayout(LayoutKind.Explicit, Size = 192)]
    private struct PaddedState
    {
        [FieldOffset(64)]
        public long Value;
    }

    [StructLayout(LayoutKind.Explicit, Size = 192)]
    private struct PaddedItem
    {
        [FieldOffset(64)]
        public int Value;
    }
}
