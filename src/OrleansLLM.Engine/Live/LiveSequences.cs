using OrleansLLM.Sequences;

namespace OrleansLLM.Engine;

/// <summary>
/// The sequences of one engine from submission to their end, and their deadlines. Promises: a sequence that ends leaves the scheduler,
/// its group and its outbox at once, and its sink learns of the end unless it was the one to ask for it. Not thread safe: the step's thread owns it.
/// </summary>
internal sealed class LiveSequences(Scheduler scheduler, TimeProvider time)
{
    private readonly Dictionary<SequenceId, Sequence> _sequences = [];
    private readonly List<Sequence> _expired = [];
    private readonly List<Sequence> _ended = new(1024);
    private long _nextDeadline = long.MaxValue;

    public int Count => _sequences.Count;

    public IReadOnlyCollection<Sequence> All => _sequences.Values;

    /// <summary>What has left, for whoever keeps accounts of it and clears the list.</summary>
    public List<Sequence> Ended => _ended;

    /// <summary>Null where it is not here.</summary>
    public Sequence? Find(SequenceId id) => _sequences.GetValueOrDefault(id);

    /// <summary>Takes in a sequence, whose time runs already.</summary>
    public void Add(Sequence sequence, StepOutbox outbox)
    {
        _sequences.Add(sequence.Id, sequence);
        sequence.Outbox = outbox;
        outbox.Sequences++;
        _nextDeadline = Math.Min(_nextDeadline, Math.Min(sequence.Deadline, sequence.QueueDeadline));
    }

    public static void Redirect(Sequence sequence, StepOutbox outbox)
    {
        sequence.Outbox!.Sequences--;
        sequence.Outbox = outbox;
        outbox.Sequences++;
    }

    /// <summary>Ends a sequence and leaves word of it for its sink.</summary>
    public void End(Sequence sequence, SequenceEnd end)
    {
        Publish(sequence, sequence.Count, null, null, end);
        Remove(sequence);
    }

    /// <summary>Takes a sequence out without a word.</summary>
    public void Remove(Sequence sequence)
    {
        _sequences.Remove(sequence.Id);
        _ended.Add(sequence);
        sequence.Outbox!.Sequences--;
        if (sequence.Group is { } group)
        {
            sequence.Group = null;
            if (group.Leader != sequence)
            {
                group.Followers.Remove(sequence);
            }
            else if (group.Succeed() is { } next)
            {
                scheduler.EnqueueAgain(next);
            }
        }

        scheduler.Remove(sequence);
    }

    public void EndAll(SequenceEnd end)
    {
        foreach (var sequence in _sequences.Values.ToArray())
        {
            End(sequence, end);
        }
    }

    /// <summary>Ends what is over its time.</summary>
    public void Expire()
    {
        var now = _nextDeadline == long.MaxValue ? 0 : time.GetTimestamp();
        if (now < _nextDeadline)
        {
            return;
        }

        _nextDeadline = long.MaxValue;
        foreach (var sequence in _sequences.Values)
        {
            if (sequence.Deadline <= now || sequence.QueueDeadline <= now)
            {
                _expired.Add(sequence);
            }
            else
            {
                _nextDeadline = Math.Min(_nextDeadline, Math.Min(sequence.Deadline, sequence.QueueDeadline));
            }
        }

        foreach (var sequence in _expired)
        {
            End(sequence, sequence.QueueDeadline <= now ? Ends.QueueTimedOut : Ends.TimedOut);
        }

        _expired.Clear();
    }

    /// <summary>Leaves an entry for the sequence's sink, with its prompt's log probabilities once they are there.</summary>
    public static void Publish(Sequence sequence, int position, int? token, TokenLogprobs? logprobs, SequenceEnd? end)
    {
        IReadOnlyList<TokenLogprobs?>? prompt = null;
        if (sequence.NeedsPromptLogprobs && !sequence.AreLogitsBroken && sequence.Computed >= sequence.PromptLength)
        {
            sequence.PreparePromptLogprobs();
            prompt = sequence.PromptLogprobs;
            sequence.ArePromptLogprobsDone = true;
        }

        if (sequence.IsDropped)
        {
            return;
        }

        sequence.Outbox!.Add(new StepEntry(
            sequence.Id, sequence.Epoch, position, token, logprobs, prompt, Math.Max(0, sequence.CachedTokens), end));
    }
}
