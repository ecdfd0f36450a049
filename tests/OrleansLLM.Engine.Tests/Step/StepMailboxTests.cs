using System.Runtime.CompilerServices;
using OrleansLLM.Sequences;

namespace OrleansLLM.Engine.Tests;

public sealed class StepMailboxTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public void Entries_arrive_in_order_however_late_the_appender_is()
    {
        using var held = new ManualResetEventSlim();
        using var done = new ManualResetEventSlim();
        var positions = new List<int>();
        const int Entries = (2 * StepMailbox.Room) + 77;
        var mailbox = new StepMailbox(entry =>
        {
            held.Wait(TestContext.Current.CancellationToken);
            positions.Add(entry.Position);
            if (positions.Count == Entries)
            {
                done.Set();
            }
        });
        var batch = new StepBatch();
        for (var position = 0; position < Entries;)
        {
            batch.Clear();
            for (var i = 0; i < 7 && position < Entries; i++)
            {
                batch.Add(new StepEntry(default, new Epoch(1), position++, 0, null, null, 0, null));
            }

            mailbox.OnStep(batch);
            if (position == 700)
            {
                // Some are taken before the ring turns and grows.
                held.Set();
                while (Volatile.Read(ref positions).Count < 300)
                {
                    Thread.Yield();
                }

                held.Reset();
            }
        }

        held.Set();
        Assert.True(done.Wait(Patience, TestContext.Current.CancellationToken));
        Assert.Equal(Enumerable.Range(0, Entries), positions);
    }

    [Fact]
    public void Steps_that_arrive_during_a_delivery_wait_for_its_end()
    {
        using var held = new ManualResetEventSlim();
        using var entered = new SemaphoreSlim(0);
        var deliveries = 0;
        var mailbox = new StepMailbox(_ =>
        {
            Interlocked.Increment(ref deliveries);
            entered.Release();
            held.Wait(Patience, TestContext.Current.CancellationToken);
        });
        mailbox.OnStep(Step(0, 1));
        Assert.True(entered.Wait(Patience, TestContext.Current.CancellationToken));
        for (var position = 1; position < 20; position++)
        {
            mailbox.OnStep(Step(position, 1));
        }

        // The thread pool takes work in order: what the steps had queued would run before this.
        using var taken = new ManualResetEventSlim();
        ThreadPool.UnsafeQueueUserWorkItem(_ => taken.Set(), null);
        Assert.True(taken.Wait(Patience, TestContext.Current.CancellationToken));
        Assert.Equal(1, Volatile.Read(ref deliveries));
        held.Set();
        Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref deliveries) == 20, Patience));
    }

    [Fact]
    public void A_step_that_lies_across_the_rings_end_arrives_whole()
    {
        using var arrived = new SemaphoreSlim(0);
        var positions = new List<int>();
        var mailbox = new StepMailbox(entry =>
        {
            positions.Add(entry.Position);
            arrived.Release();
        });
        for (var first = 0; first < 2 * StepMailbox.Room; first += 100)
        {
            mailbox.OnStep(Step(first, 100));
            for (var i = 0; i < 100; i++)
            {
                Assert.True(arrived.Wait(Patience, TestContext.Current.CancellationToken));
            }
        }

        Assert.Equal(Enumerable.Range(0, positions.Count), positions);
    }

    [Fact]
    public void What_was_delivered_is_not_held()
    {
        using var arrived = new ManualResetEventSlim();
        var mailbox = new StepMailbox(_ => arrived.Set());
        var logprobs = Publish(mailbox);

        Assert.True(arrived.Wait(Patience, TestContext.Current.CancellationToken));
        Assert.True(SpinWait.SpinUntil(
            () =>
            {
                GC.Collect();
                return !logprobs.IsAlive;
            },
            Patience));
        GC.KeepAlive(mailbox);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference Publish(StepMailbox mailbox)
    {
        var logprobs = new TokenLogprobs(-1, 1, default, default);
        var batch = new StepBatch();
        batch.Add(new StepEntry(default, new Epoch(1), 0, 0, logprobs, null, 0, null));
        mailbox.OnStep(batch);
        return new WeakReference(logprobs);
    }

    private static StepBatch Step(int first, int count)
    {
        var batch = new StepBatch();
        for (var position = first; position < first + count; position++)
        {
            batch.Add(new StepEntry(default, new Epoch(1), position, 0, null, null, 0, null));
        }

        return batch;
    }
}
