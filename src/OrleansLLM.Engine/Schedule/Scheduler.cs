using OrleansLLM.Compute;

namespace OrleansLLM.Engine;

/// <summary>
/// Decides what each step computes. It needs counts, never token values. Promises: a step closes part of the gap between tokens and
/// computed tokens, within a budget of tokens and sequences; rows that draw the next token always run; a lower priority number first, also where it
/// must take the place of one that runs; within one priority first come, first served, but that short prompts pass long ones, which keep a quarter of
/// each step; when blocks run out, the latest-admitted lowest-priority sequence is pushed out, and the first in order always goes on, so everything
/// that was admitted finishes; pushed-out ones come back before waiting ones of their priority; nobody is admitted in a step in which blocks ran out.
/// Allocates nothing after warm-up.
/// </summary>
internal sealed class Scheduler
{
    private readonly EngineOptions _options;
    private readonly BlockManager _blocks;
    private readonly SwapSpace _swap;
    private readonly StepBudget _budget;
    private readonly WaitingLine _waiting;
    private readonly PromptShare _share;
    private readonly PrefillLimits _limits;
    private readonly RunningOrder _running = new();
    private readonly Preemption _preemption;
    private long _arrivals;
    private int _starting;
    private long _step;

    /// <summary>What the last step had no blocks for.</summary>
    private Sequence? _hungry;

    public Scheduler(
        EngineOptions options, PrefillLimits limits, StepBudget budget, BlockManager blocks, SwapSpace swap, PreemptionCost cheaperPreemption)
    {
        (_options, _limits, _budget, _blocks, _swap) = (options, limits, budget, blocks, swap);
        _waiting = new WaitingLine(limits.LongTokens);
        _share = new PromptShare(limits);
        _preemption = new Preemption(options, blocks, swap, _running, cheaperPreemption);
    }

    public int Running => _running.Count;

    public int Waiting => _waiting.Count;

    public int Preempted => _preemption.Count;

    /// <summary>Sequences that the next step could admit beside those that run or come back: so many in the queue do not wait yet.</summary>
    public int FreeSeats => Math.Max(0, _options.MaxSequences - Running - Preempted);

    /// <summary>Rows of the scheduled step that do not draw a running answer's next token.</summary>
    public int PromptTokens => _share.Given;

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
        _step++;
        MakeWay();
        var (decoding, longOnes) = CountRunning();
        _share.Begin(Math.Min(_budget.Tokens, _options.MaxBatchedTokens - decoding), _budget.Tokens, longOnes);
        var outcome = ScheduleRunning(batch);
        if (outcome == Pressure.None && _swap.LeavingCount == 0)
        {
            Admit(batch);
        }

        FillUp(batch);
        if (outcome == Pressure.None && _swap.LeavingCount == 0)
        {
            AdmitWhole(batch);
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

    /// <summary>A better priority that found no seat or no blocks takes them from a worse one that runs.</summary>
    private void MakeWay()
    {
        if (FirstOf(_preemption.Next, _waiting.Next) is not { } next || _swap.LeavingCount > 0)
        {
            return;
        }

        var isYielding = true;
        while (isYielding && (_running.Count >= _options.MaxSequences || (next == _hungry && LacksBlocks(next))))
        {
            isYielding = _preemption.TryYieldTo(next.Priority) && _swap.LeavingCount == 0;
        }
    }

    private bool LacksBlocks(Sequence sequence) =>
        _blocks.Pool.Free < _blocks.Shape.BlocksFor(Math.Min(sequence.Count, _budget.Tokens)) * _blocks.Shape.Groups.Count;

    private (int Decoding, int Long) CountRunning()
    {
        var (decoding, longOnes) = (0, 0);
        for (var i = 0; i < _running.Count; i++)
        {
            var need = _running[i].State == SequenceState.Running ? _running[i].Count - _running[i].Computed : 0;
            decoding += need == 1 ? 1 : 0;
            longOnes += _limits.IsLong(need) ? 1 : 0;
        }

        // One row is left for a prompt that runs, however few rows a step has.
        return (Math.Min(decoding, _options.MaxBatchedTokens - (decoding < _running.Count ? 1 : 0)), longOnes);
    }

    private Pressure ScheduleRunning(Batch batch)
    {
        var pressure = Pressure.None;
        var decodingRows = _options.MaxBatchedTokens - _share.Left;
        var waiting = NextInLine()?.Priority ?? int.MaxValue;
        for (var i = 0; i < _running.Count; i++)
        {
            var sequence = _running[i];
            var need = sequence.Count - sequence.Computed;
            var count = sequence.State != SequenceState.Running ? 0
                : need == 1 ? Math.Min(1, decodingRows)
                : sequence.Priority > waiting ? 0
                : _share.Grant(need);
            if (count == 0)
            {
                continue;
            }

            if (!_blocks.TryPrepare(sequence, count, batch.Copies))
            {
                pressure = Pressure.OutOfBlocks;
                if (!_preemption.TryMakeRoom(i, count, batch.Copies))
                {
                    continue;
                }
            }

            if (need == 1)
            {
                decodingRows--;
                AddToBatch(sequence, count, batch);
            }
            else
            {
                Take(sequence, count, need, batch);
            }
        }

        return pressure;
    }

    private void Admit(Batch batch)
    {
        _hungry = null;
        while (_share.Left > 0 && _running.Count + _starting < _options.MaxSequences)
        {
            var next = NextInLine();
            var admitted = next switch
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

    /// <summary>Short prompts have had what they need: long ones that fit into the rest delay nobody.</summary>
    private void AdmitWhole(Batch batch)
    {
        _share.EndShortOnes();
        while (_share.Left > 0 && _running.Count + _starting < _options.MaxSequences && _preemption.Next is null && _hungry is null
            && _waiting.NextLong is { } next && next.Count - _blocks.CountCached(next) <= _share.Left && TryAdmit(next, batch))
        {
        }
    }

    /// <summary>
    /// What is left of the step goes to prompts that it would leave unfinished, in their order; those that wait for a better priority get theirs
    /// here, too.
    /// </summary>
    private void FillUp(Batch batch)
    {
        for (var i = 0; i < _running.Count && _share.Left > 0 && _share.HasPlace; i++)
        {
            var sequence = _running[i];
            var need = sequence.Count - sequence.Computed;
            if (sequence.State == SequenceState.Running && need > 1 && sequence.Step != _step
                && _share.Grant(need) is var count and > 0 && _blocks.TryPrepare(sequence, count, batch.Copies))
            {
                Take(sequence, count, need, batch);
            }
        }

        for (var i = 0; i < _share.Partials.Count; i++)
        {
            var (sequence, count) = _share.Partials[i];
            var more = Math.Min(sequence.Count - sequence.Computed - count, _share.Left);
            if (more > 0 && _blocks.TryPrepare(sequence, count + more, batch.Copies))
            {
                _share.Extend(i, more);
            }

            AddToBatch(sequence, _share.Partials[i].Count, batch);
        }
    }

    private Sequence? NextInLine()
    {
        var pushedOut = _preemption.Next;
        var waiting = _waiting.NextLong is { } next && next == _waiting.Next && _share.HasLongPlace ? next : _waiting.NextShort(_blocks);
        return FirstOf(pushedOut, waiting);
    }

    private static Sequence? FirstOf(Sequence? pushedOut, Sequence? waiting) =>
        pushedOut is null || waiting?.Priority < pushedOut.Priority ? waiting : pushedOut;

    private bool TryAdmit(Sequence sequence, Batch batch)
    {
        var cached = _blocks.Restore(sequence);
        var need = sequence.Count - sequence.Computed;
        var count = sequence.State == SequenceState.Preempted ? Math.Min(need, _share.Left) : _share.Grant(need);
        if (count == 0 || !_blocks.TryPrepare(sequence, count, batch.Copies))
        {
            _hungry = count == 0 ? null : sequence;
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
        Take(sequence, count, need, batch);
        return true;
    }

    /// <summary>Unfinished prompts wait for what others leave of the step.</summary>
    private void Take(Sequence sequence, int count, int need, Batch batch)
    {
        sequence.Step = _step;
        _share.Take(sequence, count, need);
        if (count == need)
        {
            AddToBatch(sequence, count, batch);
        }
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
        OutOfBlocks,
    }
}
