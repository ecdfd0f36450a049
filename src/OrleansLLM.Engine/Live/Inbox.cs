using OrleansLLM.Sequences;

namespace OrleansLLM.Engine;

/// <summary>
/// What an engine has accepted, beside its step loop. Submissions, forks, changes and ends are decided and answered here at once, however long
/// a step runs, and reach the step's thread between two steps, in the order of their answers. Promises: the lock is never held while a device
/// computes; a change holds from the position that was answered; nothing is accepted that does not reach the core or its end.
/// May be called from any thread but for <see cref="TryDeliver"/> and <see cref="Close"/>.
/// </summary>
internal sealed class Inbox(EngineOptions options, TimeProvider time)
{
    private readonly object _lock = new();
    private readonly Dictionary<SequenceId, Acceptance> _accepted = [];
    private readonly QueuePace _pace = new(time);
    private List<InboxOrder> _orders = [];
    private List<InboxOrder> _taken = [];
    private LoopPhase _phase;
    private TaskCompletionSource? _drained;
    private bool _isClosed;
    private bool _hasMail;
    private readonly List<PlaceInLine> _waiting = [];
    private int _freeSeats = options.MaxSequences;

    public LoopPhase Phase
    {
        get
        {
            lock (_lock)
            {
                return _phase;
            }
        }
    }

    /// <summary>Sequences that were accepted and have not ended.</summary>
    public int Accepted
    {
        get
        {
            lock (_lock)
            {
                return _accepted.Count;
            }
        }
    }

    /// <summary>Whether that many more sequences start with the next step, as far as seats decide.</summary>
    public bool HasSeatsFor(int sequences) => Accepted + sequences <= options.MaxSequences;

    /// <summary>
    /// Takes in the sequences of an attempt that is not known yet, unless the queue is full of such as they can't pass; their time begins now.
    /// </summary>
    public SubmitOutcome Submit(Sequence[] sequences, IStepSink sink)
    {
        lock (_lock)
        {
            if (_phase != LoopPhase.Running)
            {
                return new SubmitOutcome(SubmitVerdict.Unavailable);
            }

            if (Find(sequences[0].Id) is { } known && known.Sequence.Epoch >= sequences[0].Epoch)
            {
                return new SubmitOutcome(SubmitVerdict.Taken);
            }

            var places = (long)options.MaxWaitingRequests + _freeSeats;
            if (_waiting.Count >= places && CountAhead(PlaceInLine.Of(sequences[0])) is var ahead && ahead >= places && !Array.Exists(sequences, sequence => sequence.IsBegun))
            {
                return new SubmitOutcome(SubmitVerdict.QueueFull, ahead, _pace.UntilNextPlace);
            }

            foreach (var sequence in sequences)
            {
                Drop(sequence.Id);
                Accept(sequence, sink);
                if (!sequence.IsFollower)
                {
                    _waiting.Add(PlaceInLine.Of(sequence));
                }
            }

            Post(core => core.Add(sequences, sink));
            return new SubmitOutcome(SubmitVerdict.Taken);
        }
    }

    /// <summary>The sequence as it is and as it was asked to be; null where this attempt at it is not here.</summary>
    public SequenceView? View(AttemptId attempt)
    {
        lock (_lock)
        {
            return Find(attempt) is { } accepted ? SequenceView.Of(accepted) : null;
        }
    }

    /// <summary>Another sink for what follows of an attempt; done when the core knows it.</summary>
    public Task<bool> RedirectAsync(AttemptId attempt, IStepSink sink)
    {
        lock (_lock)
        {
            if (Find(attempt) is not { } accepted)
            {
                return Task.FromResult(false);
            }

            accepted.Sink = sink;
            var sequence = accepted.Sequence;
            var question = new InboxQuestion<bool>(core => core.TryRedirect(sequence, sink), otherwise: false);
            Post(question);
            return question.Answer;
        }
    }

    /// <summary>What was accepted for a sink and has not ended.</summary>
    public IReadOnlyList<HeldAttempt> List(IStepSink sink)
    {
        lock (_lock)
        {
            return [.. _accepted.Values
                .Where(accepted => accepted.Sink == sink && accepted.Sequence.State != SequenceState.Ended)
                .Select(accepted => new HeldAttempt(new AttemptId(accepted.Sequence.Id, accepted.Sequence.Epoch), SequenceView.Of(accepted).Phase))];
        }
    }

    /// <summary>
    /// Takes in the children of a sequence that was here at <see cref="View"/>; false where nothing more is taken, which a parent that still
    /// runs excludes: until it has ended an engine that drains goes on with its forks.
    /// </summary>
    public bool TryFork(SequenceView parent, Sequence[] children)
    {
        lock (_lock)
        {
            if (_phase > LoopPhase.Draining || (_phase == LoopPhase.Draining && Find(parent.Sequence.Id)?.Sequence != parent.Sequence))
            {
                return false;
            }

            children = Array.FindAll(children, child => Find(child.Id) is null);
            Array.ForEach(children, child => Accept(child, parent.Sink));
            Post(core => core.AddForks(parent.Sequence, children, parent.Sink));
            return true;
        }
    }

    /// <summary>The position of the first token that the change holds for, behind what a running step draws; null where it is not here.</summary>
    /// <param name="prepared">From <see cref="EngineCore.Prepare(SequenceChange)"/>.</param>
    public int? Change(AttemptId attempt, SequenceChange change, PreparedChange prepared)
    {
        lock (_lock)
        {
            if (Find(attempt) is not { } accepted)
            {
                return null;
            }

            var sequence = accepted.Sequence;
            var position = sequence.NextPosition;
            if (!sequence.TryNote(position, change, prepared))
            {
                return null;
            }

            accepted.Note(change);
            Post(core => core.ApplyChanges(sequence, change.Priority));
            return position;
        }
    }

    /// <summary>Drops an attempt, or an older one at its sequence, without a word to its sink; nothing happens where it is not here.</summary>
    public void Abort(AttemptId attempt)
    {
        lock (_lock)
        {
            if (Find(attempt.Sequence) is { } accepted && accepted.Sequence.Epoch <= attempt.Epoch)
            {
                Drop(attempt.Sequence);
            }
        }
    }

    /// <summary>Runs on the step's thread between two steps; the answer is <paramref name="otherwise"/> where the loop has stopped.</summary>
    public Task<T> AskAsync<T>(Func<EngineCore, T> ask, T otherwise)
    {
        var question = new InboxQuestion<T>(ask, otherwise);
        lock (_lock)
        {
            if (_isClosed)
            {
                question.Refuse();
            }
            else
            {
                Post(question);
            }
        }

        return question.Answer;
    }

    /// <summary>Takes nothing more; completes when all that is here has ended, whatever ends it.</summary>
    public Task DrainAsync()
    {
        lock (_lock)
        {
            _phase = _phase == LoopPhase.Running ? LoopPhase.Draining : _phase;
            _drained ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            if (_isClosed)
            {
                _drained.TrySetResult();
            }

            Ring();
            return _drained.Task;
        }
    }

    /// <summary>Takes nothing more and lets the loop end.</summary>
    public void Stop()
    {
        lock (_lock)
        {
            _phase = _phase < LoopPhase.Stopped ? LoopPhase.Stopped : _phase;
            Ring();
        }
    }

    /// <summary>Until there is something to deliver, or for that long.</summary>
    public void Wait(TimeSpan longest)
    {
        lock (_lock)
        {
            if (!_hasMail)
            {
                Monitor.Wait(_lock, longest);
            }

            _hasMail = false;
        }
    }

    /// <summary>
    /// Hands the core what was accepted and lets it schedule the next step; false, and nothing is scheduled, when the loop is to end.
    /// </summary>
    public bool TryDeliver(EngineCore core)
    {
        while (true)
        {
            Deliver(core);

            // What is accepted while the core schedules would not know which tokens the step draws: both under one lock, outside of which the
            // device works.
            lock (_lock)
            {
                if (_isClosed)
                {
                    return false;
                }

                if (_orders.Count > 0)
                {
                    continue;
                }

                Forget(core.Ended);
                if (_phase == LoopPhase.Stopped)
                {
                    return false;
                }

                core.Schedule();
                Note(core);
                return true;
            }
        }
    }

    /// <summary>Hands the core what was accepted so far.</summary>
    public void Deliver(EngineCore core)
    {
        while (TryTake())
        {
            for (var i = 0; i < _taken.Count; i++)
            {
                _taken[i].Run(core);
            }

            _taken.Clear();
        }
    }

    /// <summary>Takes nothing more for good; returns what never reached its end, a word of which is owed to the sinks.</summary>
    public IReadOnlyList<Acceptance> Close(LoopPhase phase)
    {
        lock (_lock)
        {
            (_phase, _isClosed) = (_isClosed ? _phase : phase, true);
            foreach (var order in _taken.Concat(_orders))
            {
                order.Refuse();
            }

            _orders.Clear();
            _taken.Clear();
            _drained?.TrySetResult();
            Acceptance[] left = [.. _accepted.Values.Where(accepted => accepted.Sequence.State != SequenceState.Ended)];
            _accepted.Clear();
            Array.ForEach(left, accepted => accepted.Sequence.IsDropped = true);
            return left;
        }
    }

    private bool TryTake()
    {
        lock (_lock)
        {
            (_orders, _taken) = (_taken, _orders);
        }

        return _taken.Count > 0;
    }

    private int CountAhead(PlaceInLine place) => _waiting.Count(waiting => !waiting.IsPassedBy(place));

    private Acceptance? Find(AttemptId attempt) =>
        Find(attempt.Sequence) is { } accepted && accepted.Sequence.Epoch == attempt.Epoch ? accepted : null;

    private Acceptance? Find(SequenceId id) =>
        _accepted.TryGetValue(id, out var accepted) && accepted.Sequence.State != SequenceState.Ended ? accepted : null;

    private void Accept(Sequence sequence, IStepSink sink)
    {
        sequence.Deadline = DeadlineOf(sequence.Request.Timeout);
        sequence.QueueDeadline = DeadlineOf(sequence.Request.QueueTimeout);
        _accepted[sequence.Id] = new Acceptance(sequence, sink);
    }

    private void Drop(SequenceId id)
    {
        if (!_accepted.Remove(id, out var accepted) || accepted.Sequence.State == SequenceState.Ended)
        {
            return;
        }

        var sequence = accepted.Sequence;
        if (sequence.State == SequenceState.Waiting && sequence.Group is null)
        {
            _waiting.Remove(PlaceInLine.Of(sequence));
        }

        sequence.IsDropped = true;
        Post(core => core.Abort(sequence));
    }

    private void Forget(List<Sequence> ended)
    {
        foreach (var sequence in ended)
        {
            if (_accepted.TryGetValue(sequence.Id, out var accepted) && accepted.Sequence == sequence)
            {
                _accepted.Remove(sequence.Id);
            }
        }

        ended.Clear();
    }

    private void Note(EngineCore core)
    {
        _waiting.Clear();
        core.AddWaiting(_waiting);
        _freeSeats = core.FreeSeats;
        _pace.Note(core.Admitted, _waiting.Count);
        if (core.IsIdle)
        {
            _drained?.TrySetResult();
        }
    }

    private void Post(Action<EngineCore> order) => Post(new InboxCommand(order));

    private void Post(InboxOrder order)
    {
        _orders.Add(order);
        Ring();
    }

    private void Ring()
    {
        _hasMail = true;
        Monitor.Pulse(_lock);
    }

    private long DeadlineOf(TimeSpan? after) => after is { } span
        ? time.GetTimestamp() + (long)Math.Min(span.TotalSeconds * time.TimestampFrequency, long.MaxValue / 4.0)
        : long.MaxValue;
}
