namespace OrleansLLM.Engine.Tests;

/// <summary>The queue and the running order against lists that are sorted anew after every operation.</summary>
public sealed class SequenceOrderTests
{
    private static readonly CacheShape Shape = CoreFixture.Shape(4, [0]);

    [Fact]
    public void The_queue_gives_the_lowest_priority_number_first_and_within_one_the_earliest_arrival()
    {
        var random = new Random(11);
        var queue = new SequenceQueue();
        var slow = new List<Sequence>();
        for (var operation = 0; operation < 3000; operation++)
        {
            if (random.Next(5) < 3)
            {
                // Arrivals come in any order: a new leader and a pushed-out sequence keep theirs.
                var sequence = NewSequence(random.Next(4));
                sequence.Arrival = random.Next(1_000_000);
                queue.Add(sequence);
                slow.Add(sequence);
            }
            else if (slow.Count > 0)
            {
                var sequence = random.Next(2) == 0 ? queue.Next! : slow[random.Next(slow.Count)];
                Assert.True(queue.Remove(sequence));
                Assert.False(queue.Remove(sequence));
                slow.Remove(sequence);
            }

            Assert.Equal(slow.Count, queue.Count);
            Assert.Same(slow.OrderBy(sequence => sequence.Priority).ThenBy(sequence => sequence.Arrival).FirstOrDefault(), queue.Next);
        }
    }

    [Fact]
    public void The_running_order_is_by_priority_and_then_by_admission()
    {
        var random = new Random(12);
        var order = new RunningOrder();
        var slow = new List<Sequence>();
        for (var operation = 0; operation < 3000; operation++)
        {
            var picked = slow.Count > 0 ? slow[random.Next(slow.Count)] : null;
            switch (random.Next(8))
            {
                case < 4:
                    slow.Add(NewSequence(random.Next(3)));
                    order.Admit(slow[^1]);
                    break;
                case < 6 when picked is not null:
                    Assert.True(order.Remove(picked));
                    slow.Remove(picked);
                    break;
                case 6 when picked is not null:
                    picked.Priority = random.Next(3);
                    order.Reorder(picked);
                    break;
                case 7:
                    order.Reorder(NewSequence(0));
                    break;
            }

            // A stable sort: what was admitted later stands later in the slow list.
            var expected = slow.OrderBy(sequence => sequence.Priority).ToList();
            Assert.Equal(expected, Enumerable.Range(0, order.Count).Select(index => order[index]));
        }
    }

    [Fact]
    public void The_last_that_runs_is_at_the_given_place_or_behind_it()
    {
        var order = new RunningOrder();
        SequenceState[] states = [SequenceState.Running, SequenceState.Running, SequenceState.SwappingIn, SequenceState.Running, SequenceState.SwappingIn];
        foreach (var state in states)
        {
            var sequence = NewSequence(0);
            sequence.State = state;
            order.Admit(sequence);
        }

        Assert.Equal([3, 3, 3, 3, 4], Enumerable.Range(0, 5).Select(order.LastThatRuns));
        order.Remove(order[3]);
        Assert.Equal([1, 1, 2, 3], Enumerable.Range(0, 4).Select(order.LastThatRuns));
    }

    private static Sequence NewSequence(int priority)
    {
        var request = CoreFixture.Request([1], 1) with { Priority = priority };
        return new Sequence(request, CoreFixture.Epoch(1), new SequenceId(request.Id, 0), [], Shape);
    }
}
