using OrleansLLM.Compute;
using static System.FormattableString;

namespace OrleansLLM.Engine;

/// <summary>
/// Pushes sequences out when blocks run out, and holds them until they come back. Promises: the latest-admitted lowest-priority one goes
/// first, and never one before the sequence that needs the room; what is swapped out loses no computed token; what does not fit host
/// memory, or is cheaper so, is computed again. Not thread safe: the step's thread owns it.
/// </summary>
internal sealed class Preemption(
    EngineOptions options, BlockManager blocks, SwapSpace swap, RunningOrder running, PreemptionCost cheaperPreemption)
{
    private readonly SequenceQueue _pushedOut = new();

    public int Count => _pushedOut.Count;

    public Sequence? Next => _pushedOut.Next;

    public long ByRecompute { get; private set; }

    public long BySwap { get; private set; }

    /// <summary>
    /// Pushes out sequences from the end of the order until the one at <paramref name="index"/> has its slots. False where it has to wait for
    /// blocks that are under way, or is pushed out itself.
    /// </summary>
    public bool TryMakeRoom(int index, int count, List<BlockCopy> copies)
    {
        var sequence = running[index];
        while (!blocks.TryPrepare(sequence, count, copies))
        {
            if (swap.LeavingCount > 0 || blocks.Returning > 0)
            {
                return false;
            }

            var victim = running.LastThatRuns(index);
            if (victim == 0 && swap.IsUnderWay)
            {
                return false;
            }

            if (victim == 0)
            {
                throw new InvalidOperationException(
                    Invariant($"{sequence.Id} needs slots for {count} tokens behind {sequence.Computed}, and the pool of {blocks.Pool.Total} blocks has {blocks.Pool.Free} ")
                    + "free with nothing else running: admission counted wrong.");
            }

            PushOut(running[victim]);
            if (victim == index)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Pushes out the last running sequence of a worse priority; false where all have to be left alone.</summary>
    public bool TryYieldTo(int priority) => TryYield(running.LastToYieldTo(priority));

    /// <summary>Pushes out the last running further answer of this priority; false where all have to be left alone.</summary>
    public bool TryYieldToFirst(int priority) => TryYield(running.LastFurtherOf(priority));

    /// <summary>Starts to bring a swapped sequence back into the order; false where the pool has too few blocks, or the device failed.</summary>
    public bool TryReturn(Sequence sequence)
    {
        if (blocks.NeededToReturn(sequence) > blocks.Pool.Free || !swap.TryMoveIn(sequence))
        {
            return false;
        }

        _pushedOut.Remove(sequence);
        running.Admit(sequence);
        return true;
    }

    public bool Remove(Sequence sequence) => _pushedOut.Remove(sequence);

    public void Add(Sequence sequence) => _pushedOut.Add(sequence);

    private bool TryYield(int index)
    {
        if (index < 0)
        {
            return false;
        }

        running[index].YieldedAt = running[index].Count;
        PushOut(running[index]);
        return true;
    }

    private void PushOut(Sequence victim)
    {
        running.Remove(victim);
        var mode = options.Preemption switch
        {
            PreemptionMode.Auto when cheaperPreemption == PreemptionCost.SwapIsCheaper => PreemptionMode.Swap,
            PreemptionMode.Auto => PreemptionMode.Recompute,
            var forced => forced,
        };
        if (mode == PreemptionMode.Swap && swap.TryMoveOut(victim))
        {
            BySwap++;
        }
        else
        {
            ByRecompute++;
            victim.State = SequenceState.Preempted;
            blocks.Free(victim);
        }

        _pushedOut.Add(victim);
    }
}
