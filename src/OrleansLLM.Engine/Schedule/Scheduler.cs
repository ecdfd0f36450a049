using OrleansLLM.Compute;

namespace OrleansLLM.Engine;

/// <summary>
/// Decides what each step computes. It needs counts, never token values. Promises: a step closes part of the gap between tokens and
/// computed tokens, within a budget of tokens and sequences; rows that draw the next token always run; a lower priority number first, also where it
/// must take the place of one that runs; within one priority first come, first served, but that short prompts pass long ones, which keep a quarter of
/// each step, and that first answers take places from those that their callers asked for besides, until they have a quarter of the seats; when blocks run out, the latest-admitted lowest-priority sequence is pushed out, and the first in order always goes on, so everything
/// that was admitted finishes; pushed-out ones come back before waiting ones of their priority; nobody is admitted in a step in which blocks ran out.
/// Allocates nothing after warm-up.
/// </summary>
internal sealed partial class Scheduler
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
    private readonly List<(Sequence Leader, Sequence Follower)> _resuming = [];
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

    /// <summary>Adds every sequence that waits, in no order.</summary>
    public void AddWaiting(List<PlaceInLine> places) => _waiting.AddPlaces(places);

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
    public void Register(Sequence follower) => follower.Arrival = _arrivals++ - (follower.Epoch.Attempt > 1 ? long.MaxValue / 2 : 0);

    /// <summary>
    /// Lets a new sequence share a running parent's blocks and run at once; false where there is no room or the parent has freed what it
    /// needs: it then waits in line like any other.
    /// </summary>
    /// <param name="common">Tokens at their beginning that both have.</param>
    public bool TryRunFork(Sequence parent, Sequence child, int common)
    {
        var computed = Math.Min(Math.Min(common, child.Count - 1), parent.Computed);
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

    /// <summary>What has tokens of an attempt before this one goes on from the prompt that its leader has computed in the last step.</summary>
    private void StartResumed()
    {
        for (var i = 0; i < _resuming.Count; i++)
        {
            var (leader, follower) = _resuming[i];
            if (follower.State == SequenceState.AwaitingPrompt && !TryRunFork(leader, follower, follower.PromptLength))
            {
                EnqueueAgain(follower);
            }
        }

        _resuming.Clear();
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
}
