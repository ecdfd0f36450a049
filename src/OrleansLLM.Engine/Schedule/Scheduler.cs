using OrleansLLM.Compute;

namespace OrleansLLM.Engine;

/// <summary>
/// Decides what each step computes. It needs counts, never token values. Promises: a step closes part of the gap between tokens and
/// computed tokens, within a budget of tokens and sequences; a lower priority number first, within one first come, first served; when blocks run
/// out, the latest-admitted lowest-priority sequence is pushed out, and the first in order always goes on, so everything that was admitted
/// finishes; pushed-out ones come back before waiting ones of their priority; nobody is admitted in a step that pushed somebody out. Allocates
/// nothing after warm-up.
/// </summary>
internal sealed class Scheduler
{
    private readonly EngineOptions _options;
    private readonly BlockManager _blocks;
    private readonly SwapSpace _swap;
    private readonly SequenceQueue _waiting = new();
    private readonly RunningOrder _running = new();
    private readonly Preemption _preemption;
    private long _arrivals;
    private int _starting;

    public Scheduler(EngineOptions options, BlockManager blocks, SwapSpace swap, PreemptionCost cheaperPreemption)
    {
        (_options, _blocks, _swap) = (options, blocks, swap);
        _preemption = new Preemption(options, blocks, swap, _running, cheaperPreemption);
    }

    public int Running => _running.Count;

    public int Waiting => _waiting.Count;

    public int Preempted => _preemption.Count;

    /// <summary>Sequences that the next step could admit beside those that run or come back: so many in the queue do not wait yet.</summary>
    public int FreeSeats => Math.Max(0, _options.MaxSequences - Running - Preempted);

    public long PreemptionsByRecompute => _preemption.ByRecompute;

    public long PreemptionsBySwap => _preemption.BySwap;

    /// <summary>Tokens that were looked for in the prefix cache, and found, at first admissions.</summary>
    public long PrefixQueries { get; private set; }

    public long PrefixHits { get; private set; }

    /// <summary>Sequences that have left the waiting queue for their first step.</summary>
    public long Admitted { get; private set; }

    /// <summary>Puts a new sequence in line.</summary>
    public void Enqueue(Sequence sequence)
    {
        Register(sequence);
        EnqueueAgain(sequence);
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
        var outcome = ScheduleRunning(batch);
        if (outcome == Pressure.None && _swap.LeavingCount == 0)
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
        if (parent.State != SequenceState.Running || computed == 0 || _running.Count >= _options.MaxSequences
            || child.NeedsWholePrompt || !_blocks.TryShare(parent, child, computed))
        {
            return false;
        }

        Register(child);
        child.CachedTokens = Math.Min(computed, child.PromptLength);
        Run(child);
        return true;
    }

    /// <summary>After the prompt is computed: a follower of the batch shares all of it and runs.</summary>
    public void StartFollower(Sequence leader, Sequence follower)
    {
        if (!_blocks.TryShare(leader, follower, leader.Computed))
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
                _blocks.Free(sequence);
                break;
            case SequenceState.SwappingIn:
                _running.Remove(sequence);
                break;
            case SequenceState.Swapped:
                _preemption.Remove(sequence);
                _swap.Discard(sequence);
                break;
            case SequenceState.Preempted or SequenceState.SwappingOut:
                _preemption.Remove(sequence);
                break;
            default:
                throw new InvalidOperationException($"{sequence.Id} has ended already.");
        }
    }

    /// <summary>Moves a sequence to its new place in the order.</summary>
    public void ChangePriority(Sequence sequence, int priority)
    {
        var (waits, isPushedOut) = (_waiting.Remove(sequence), _preemption.Remove(sequence));
        sequence.Priority = priority;
        _running.Reorder(sequence);
        if (waits)
        {
            _waiting.Add(sequence);
        }
        else if (isPushedOut)
        {
            _preemption.Add(sequence);
        }
    }

    private Pressure ScheduleRunning(Batch batch)
    {
        var pressure = Pressure.None;
        for (var i = 0; i < _running.Count && batch.Tokens < _options.MaxBatchedTokens; i++)
        {
            var sequence = _running[i];
            if (sequence.State != SequenceState.Running)
            {
                continue;
            }

            var count = Math.Min(sequence.Count - sequence.Computed, _options.MaxBatchedTokens - batch.Tokens);
            if (!_blocks.TryPrepare(sequence, count, batch.Copies))
            {
                pressure = Pressure.PushedOut;
                if (!_preemption.TryMakeRoom(i, count, batch.Copies))
                {
                    continue;
                }
            }

            AddToBatch(sequence, count, batch);
        }

        return pressure;
    }

    private void Admit(Batch batch)
    {
        while (batch.Tokens < _options.MaxBatchedTokens && _running.Count + _starting < _options.MaxSequences)
        {
            var admitted = NextInLine() switch
            {
                null or { State: SequenceState.SwappingOut } => false,
                { State: SequenceState.Swapped } swapped => _preemption.TryReturn(swapped),
                var sequence => TryAdmit(sequence, batch),
            };
            if (!admitted)
            {
                return;
            }
        }
    }

    private Sequence? NextInLine()
    {
        var (pushedOut, waiting) = (_preemption.Next, _waiting.Next);
        return pushedOut is null || waiting?.Priority < pushedOut.Priority ? waiting : pushedOut;
    }

    private bool TryAdmit(Sequence sequence, Batch batch)
    {
        var cached = _blocks.Restore(sequence);
        var count = Math.Min(sequence.Count - sequence.Computed, _options.MaxBatchedTokens - batch.Tokens);
        if (!_blocks.TryPrepare(sequence, count, batch.Copies))
        {
            _blocks.Free(sequence);
            return false;
        }

        if (sequence.State == SequenceState.Preempted)
        {
            _preemption.Remove(sequence);
        }
        else
        {
            _waiting.Remove(sequence);
            Admitted++;
        }

        if (sequence.CachedTokens < 0)
        {
            sequence.CachedTokens = Math.Min(cached, sequence.PromptLength);
            PrefixQueries += _options.PrefixCaching == PrefixCaching.On ? sequence.Count : 0;
            PrefixHits += cached;
        }

        Run(sequence);
        AddToBatch(sequence, count, batch);
        return true;
    }

    private void Run(Sequence sequence)
    {
        sequence.State = SequenceState.Running;
        _running.Admit(sequence);
        sequence.QueueDeadline = long.MaxValue;
        if (sequence.Group is { } group)
        {
            foreach (var follower in group.Followers)
            {
                follower.QueueDeadline = long.MaxValue;
            }
        }
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
        var room = Math.Min(_options.MaxSequences - _running.Count - _starting, group.Followers.Count);
        for (var i = 0; i < group.Followers.Count; i++)
        {
            var follower = group.Followers[i];
            follower.Group = null;
            if (i >= room)
            {
                follower.SharePromptLogprobs(sequence);
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
