using OrleansLLM.Sequences;

namespace OrleansLLM.Engine.Tests;

public sealed class StepMailboxTests
{
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
                batch.Add(new StepEntry(default, 1, position++, 0, null, null, 0, null));
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
        Assert.True(done.Wait(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
        Assert.Equal(Enumerable.Range(0, Entries), positions);
    }
}
