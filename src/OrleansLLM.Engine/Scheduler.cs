using OrleansLLM.Compute;

namespace OrleansLLM.Engine;

/// <summary>
/// Decides what each step computes. It needs counts, never token values. Promises: a step closes part of the gap between tokens and
/// computed tokens, within a budget of tokens and sequences; first come, first served within a priority; when blocks run out, the
/// latest-admitted lowest-priority sequence is pushed out, and the first in order always goes on, so everything that was admitted finishes;
/// pushed-out ones come back before waiting ones; nobody is admitted in a step that pushed somebody out. Allocates nothing after warm-up.
/// </summary>
internal sealed class Scheduler(EngineOptions options, BlockManager blocks, SwapSpace swap, PreemptionCost cheaperPreemption)
{
    private readonly SequenceQueue _waiting = new();
    private readonly SequenceQueue _preempted = new();
    private readonly List<Sequence> _running = [];
    private long _arrivals;
    private long _admissions;
    private int _starting;

    public int Running => _running.Count;

    public int Waiting => _waiting.Count;

    public int Preempted => _preempted.Count;

    public long PreemptionsByRecompute { get; private set; }

    public long PreemptionsBySwap { get; private set; }

    /// <summary>Tokens that were looked for in the prefix cache, and found, at first admissions.</summary>
    public long PrefixQueries { get; private set; }

    public long PrefixHits { get; private set; }

    /// <summary>Puts a new sequence in line.</summary>
    public void Enqueue(Sequence sequence)
    {
        sequence.State = SequenceState.Waiting;
        sequence.Arrival = _arrivals++;
        _waiting.Add(sequence);
    }

    /// <summary>Puts a sequence in line that has a place there by its arrival already, such as a new leader.</summary>
    public void EnqueueAgain(Sequence sequence)
    {
        sequence.State = SequenceState.Waiting;
        _waiting.Add(sequence);
    }

    /// <summary>Gives a follower its place in the order of arrival; it is in no queue while its leader computes the prompt.</summary>
    public void Register(Sequence follower) => follower.Arrival = _arrivals++;

    /// <summary>Fills the batch with what the next step computes.</summary>
    public void Schedule(Batch batch)
    {
        batch.Clear();
        _starting = 0;
        swap.Poll();
        var outcome = ScheduleRunning(batch);
        if (outcome == Pressure.None && swap.LeavingCount == 0)
        {
            Admit(batch);
        }
    }

    /// <summary>
    /// Lets a new sequence share a running parent's blocks and run at once; false where there is no room or the parent has freed what it
    /// needs: it then waits in line like any other.
    /// </summary>
    public bool TryRunFork(Sequence parent, Sequence child)
    {
        var computed = Math.Min(child.Count - 1, parent.Computed);
        if (parent.State != SequenceState.Running || computed == 0 || _running.Count >= options.MaxSequences
            || child.NeedsPromptLogprobs || !blocks.TryShare(parent, child, computed))
        {
            return false;
        }

        child.Arrival = _arrivals++;
        child.CachedTokens = Math.Min(computed, child.PromptLength);
        Run(child);
        return true;
    }

    /// <summary>After the prompt is computed: a follower of the batch shares all of it and runs.</summary>
    public void StartFollower(Sequence leader, Sequence follower)
    {
        if (!blocks.TryShare(leader, follower, leader.Computed))
        {
            throw new InvalidOperationException($"{follower.Id} can't share the prompt that {leader.Id} has just computed.");
        }

        follower.CachedTokens = leader.CachedTokens;
        Run(follower);
    }

    /// <summary>Takes a sequence out, whatever it is at, and frees what it holds as soon as no transfer needs it.</summary>
    public void Remove(Sequence sequence)
    {
        var state = sequence.State;
        sequence.State = SequenceState.Ended;
        switch (state)
        {
            case SequenceState.Waiting:
                _waiting.Remove(sequence);
                break;
            case SequenceState.AwaitingPrompt:
                break;
            case SequenceState.Running:
                _running.Remove(sequence);
                blocks.Free(sequence);
                break;
            case SequenceState.SwappingIn:
                _running.Remove(sequence);
                break;
            case SequenceState.Swapped:
                _preempted.Remove(sequence);
                swap.Discard(sequence);
                break;
            case SequenceState.Preempted or SequenceState.SwappingOut:
                _preempted.Remove(sequence);
                break;
            default:
                throw new InvalidOperationException($"{sequence.Id} has ended already.");
        }
    }

    /// <summary>Moves a sequence to its new place in the order.</summary>
    public void ChangePriority(Sequence sequence, int priority)
    {
        var queue = _waiting.Remove(sequence) ? _waiting : _preempted.Remove(sequence) ? _preempted : null;
        sequence.Priority = priority;
        queue?.Add(sequence);
        if (_running.Remove(sequence))
        {
            InsertRunning(sequence);
        }
    }

    private Pressure ScheduleRunning(Batch batch)
    {
        var pressure = Pressure.None;
        for (var i = 0; i < _running.Count && batch.Tokens < options.MaxBatchedTokens; i++)
        {
            var sequence = _running[i];
            if (sequence.State != SequenceState.Running)
            {
                continue;
            }

            var count = Math.Min(sequence.Count - sequence.Computed, options.MaxBatchedTokens - batch.Tokens);
            if (!blocks.TryPrepare(sequence, count, batch.Copies))
            {
                pressure = Pressure.PushedOut;
                if (!TryMakeRoom(i, count, batch))
                {
                    continue;
                }
            }

            AddToBatch(sequence, count, batch);
        }

        return pressure;
    }

    /// <summary>
    /// Pushes out sequences from the end of the order until the one at <paramref name="index"/> fits. False where it has to wait for blocks
    /// that are under way, or is pushed out itself.
    /// </summary>
    private bool TryMakeRoom(int index, int count, Batch batch)
    {
        var sequence = _running[index];
        while (!blocks.TryPrepare(sequence, count, batch.Copies))
        {
            if (swap.LeavingCount > 0 || blocks.Returning > 0)
            {
                return false;
            }

            var victim = _running.Count - 1;
            while (victim > index && _running[victim].State != SequenceState.Running)
            {
                victim--;
            }

            if (victim == 0 && swap.IsUnderWay)
            {
                return false;
            }

            if (victim == 0 && _running.Count == 1)
            {
                throw new InvalidOperationException(
                    $"{sequence.Id} needs slots for {count} tokens behind {sequence.Computed}, and the pool of {blocks.Pool.Total} blocks has {blocks.Pool.Free} "
                    + "free with nothing else running: admission counted wrong.");
            }

            Preempt(_running[victim]);
            if (victim == index)
            {
                return false;
            }
        }

        return true;
    }

    private void Preempt(Sequence victim)
    {
        _running.Remove(victim);
        var mode = options.Preemption switch
        {
            PreemptionMode.Auto when cheaperPreemption == PreemptionCost.SwapIsCheaper => PreemptionMode.Swap,
            PreemptionMode.Auto => PreemptionMode.Recompute,
            var forced => forced,
        };
        if (mode == PreemptionMode.Swap && swap.TryMoveOut(victim))
        {
            PreemptionsBySwap++;
        }
        else
        {
            PreemptionsByRecompute++;
            victim.State = SequenceState.Preempted;
            blocks.Free(victim);
        }

        _preempted.Add(victim);
    }

    private void Admit(Batch batch)
    {
        while (batch.Tokens < options.MaxBatchedTokens && _running.Count + _starting < options.MaxSequences)
        {
            var queue = _preempted.Count > 0 ? _preempted : _waiting;
            var admitted = queue.Next switch
            {
                null or { State: SequenceState.SwappingOut } => false,
                { State: SequenceState.Swapped } swapped => TryReturn(swapped),
                var sequence => TryAdmit(sequence, batch),
            };
            if (!admitted)
            {
                return;
            }
        }
    }

    private bool TryReturn(Sequence sequence)
    {
        if (blocks.NeededToReturn(sequence) > blocks.Pool.Free)
        {
            return false;
        }

        _preempted.Remove(sequence);
        swap.MoveIn(sequence);
        sequence.Admission = _admissions++;
        InsertRunning(sequence);
        return true;
    }

    private bool TryAdmit(Sequence sequence, Batch batch)
    {
        var cached = blocks.Restore(sequence);
        var count = Math.Min(sequence.Count - sequence.Computed, options.MaxBatchedTokens - batch.Tokens);
        if (!blocks.TryPrepare(sequence, count, batch.Copies))
        {
            blocks.Free(sequence);
            return false;
        }

        (sequence.State == SequenceState.Preempted ? _preempted : _waiting).Remove(sequence);
        if (sequence.CachedTokens < 0)
        {
            sequence.CachedTokens = Math.Min(cached, sequence.PromptLength);
            PrefixQueries += options.PrefixCaching == PrefixCaching.On ? sequence.Count : 0;
            PrefixHits += cached;
        }

        Run(sequence);
        AddToBatch(sequence, count, batch);
        return true;
    }

    private void Run(Sequence sequence)
    {
        sequence.State = SequenceState.Running;
        sequence.Admission = _admissions++;
        InsertRunning(sequence);
        sequence.QueueDeadline = long.MaxValue;
        if (sequence.Group is { } group)
        {
            foreach (var follower in group.Followers)
            {
                follower.QueueDeadline = long.MaxValue;
            }
        }
    }

    private void InsertRunning(Sequence sequence)
    {
        var index = _running.Count;
        while (index > 0
            && (_running[index - 1].Priority, _running[index - 1].Admission).CompareTo((sequence.Priority, sequence.Admission)) > 0)
        {
            index--;
        }

        _running.Insert(index, sequence);
    }

    private void AddToBatch(Sequence sequence, int count, Batch batch)
    {
        var group = sequence.Group;
        if (group is null || sequence.Computed + count < sequence.PromptLength)
        {
            batch.Add(sequence, count, []);
            return;
        }

        sequence.Group = null;
        var room = Math.Min(options.MaxSequences - _running.Count - _starting, group.Followers.Count);
        for (var i = 0; i < group.Followers.Count; i++)
        {
            var follower = group.Followers[i];
            follower.Group = null;
            if (i >= room)
            {
                EnqueueAgain(follower);
            }
        }

        _starting += room;
        group.Followers.RemoveRange(room, group.Followers.Count - room);
        batch.Add(sequence, count, group.Followers);
    }

    private enum Pressure
    {
        None,
        PushedOut,
    }
}
