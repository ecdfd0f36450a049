using OrleansLLM.Sequences;

namespace OrleansLLM.Cluster;

/// <summary>Which worker computes a sequence, in which attempt.</summary>
/// <param name="Fingerprint">Of the worker's engine.</param>
internal sealed record Assignment(AttemptId Attempt, WorkerId Worker, long Incarnation, string Fingerprint);

/// <summary>
/// Where each running sequence of this silo's logs is computed; what has ended is not here. May be called from any thread.
/// </summary>
internal sealed class Assignments(TimeProvider time)
{
    /// <summary>An attempt that was accepted and that reports do not name for so long is not where it should be.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<SequenceId, Entry> _entries = [];

    /// <summary>From now on this is the sequence's attempt; reports count for it as soon as it was accepted.</summary>
    public void Assign(Assignment assignment)
    {
        lock (_lock)
        {
            var last = _entries.GetValueOrDefault(assignment.Attempt.Sequence)?.LastToken;
            _entries[assignment.Attempt.Sequence] = new Entry(assignment) { LastToken = last, IsLastOfBefore = last is not null };
        }
    }

    /// <summary>A token has come; how long after the last one of the attempt before, where it is the first of this one.</summary>
    /// <param name="now">A timestamp.</param>
    public TimeSpan? NoteToken(AttemptId attempt, long now)
    {
        lock (_lock)
        {
            if (_entries.GetValueOrDefault(attempt.Sequence) is not { } entry || entry.Assignment.Attempt != attempt)
            {
                return null;
            }

            var (last, isOfBefore) = (entry.LastToken, entry.IsLastOfBefore);
            (entry.LastToken, entry.IsLastOfBefore) = (now, false);
            return isOfBefore ? time.GetElapsedTime(last!.Value, now) : null;
        }
    }

    /// <summary>The same for an attempt of a dead gateway's, of which some entries are still to come from its worker's copy.</summary>
    public void Adopt(Assignment assignment)
    {
        lock (_lock)
        {
            _entries[assignment.Attempt.Sequence] = new Entry(assignment) { Kept = [] };
        }
    }

    /// <summary>Keeps what came before the entries of the copy; false where there is no such attempt.</summary>
    public bool TryKeep(in StepEntry entry)
    {
        lock (_lock)
        {
            if (_entries.GetValueOrDefault(entry.Sequence) is not { Kept: { } kept } known || known.Assignment.Attempt != AttemptId.Of(entry))
            {
                return false;
            }

            kept.Add(entry);
            return true;
        }
    }

    /// <summary>What was kept since the last call; where nothing was, nothing more is kept.</summary>
    public IReadOnlyList<StepEntry> TakeKept(SequenceId sequence)
    {
        lock (_lock)
        {
            if (_entries.GetValueOrDefault(sequence) is not { Kept: { } kept } entry)
            {
                return [];
            }

            entry.Kept = kept.Count > 0 ? [] : null;
            return kept;
        }
    }

    public void Accept(AttemptId attempt)
    {
        lock (_lock)
        {
            if (_entries.TryGetValue(attempt.Sequence, out var entry) && entry.Assignment.Attempt == attempt)
            {
                entry.Accepted = time.GetTimestamp();
            }
        }
    }

    /// <summary>The sequence has ended.</summary>
    public void Remove(SequenceId sequence)
    {
        lock (_lock)
        {
            _entries.Remove(sequence);
        }
    }

    /// <summary>Null where nobody computes it.</summary>
    public Assignment? Find(SequenceId sequence)
    {
        lock (_lock)
        {
            return _entries.GetValueOrDefault(sequence)?.Assignment;
        }
    }

    /// <summary>
    /// Whether the worker's reports have named it as waiting for so long that it stands in a queue, and nothing of it was computed. One that came just now may have
    /// been begun since the last report, however long ago that is: the dead send none.
    /// </summary>
    public bool IsKnownToWait(SequenceId sequence)
    {
        lock (_lock)
        {
            return _entries.GetValueOrDefault(sequence) is { WaitsSince: { } since } entry && time.GetElapsedTime(since, entry.Reported) >= Patience;
        }
    }

    /// <summary>Sequences that are assigned, and those that the last reports of workers named which are in another silo and did not die since.</summary>
    public CountReply Count(string silo, Predicate<long> hasDied)
    {
        lock (_lock)
        {
            return new CountReply(_entries.Count, _entries.Values.Count(
                entry => entry.IsCopied && entry.Assignment.Worker.Silo != silo && !hasDied(entry.Assignment.Incarnation)));
        }
    }

    /// <summary>The requests that have a sequence on that incarnation.</summary>
    public IReadOnlyList<RequestId> RequestsOn(long incarnation)
    {
        lock (_lock)
        {
            return [.. _entries.Values
                .Where(entry => entry.Assignment.Incarnation == incarnation)
                .Select(entry => entry.Assignment.Attempt.Sequence.Request)
                .Distinct()];
        }
    }

    /// <summary>Compares what a worker holds with what it should hold.</summary>
    public Difference Compare(ReportMessage report)
    {
        lock (_lock)
        {
            var waiting = report.Waiting.ToHashSet();
            var held = new HashSet<AttemptId>(waiting);
            held.UnionWith(report.Running);
            var now = time.GetTimestamp();
            List<AttemptId> forgotten = [];
            foreach (var entry in _entries.Values.Where(entry => entry.Assignment.Incarnation == report.Worker.Incarnation))
            {
                var attempt = entry.Assignment.Attempt;
                entry.Reported = now;
                entry.WaitsSince = waiting.Contains(attempt) ? entry.WaitsSince ?? now : null;
                entry.IsCopied = held.Contains(attempt);
                if (held.Remove(attempt) || entry.Accepted is not { } accepted || time.GetElapsedTime(accepted, now) < Patience)
                {
                    entry.Missing = null;
                }
                else if (time.GetElapsedTime(entry.Missing ??= now, now) >= Patience)
                {
                    forgotten.Add(attempt);
                }
            }

            return new Difference([.. held], forgotten);
        }
    }

    /// <param name="Orphans">Held there, and nobody waits for it: an older attempt, or an ended one.</param>
    /// <param name="Forgotten">Accepted there, and not there any more.</param>
    public sealed record Difference(AttemptId[] Orphans, IReadOnlyList<AttemptId> Forgotten);

    private sealed class Entry(Assignment assignment)
    {
        public Assignment Assignment { get; } = assignment;

        public long? Accepted { get; set; }

        public long? Missing { get; set; }

        public long? WaitsSince { get; set; }

        /// <summary>When its worker's last report came.</summary>
        public long Reported { get; set; }

        /// <summary>The worker's last report named it: the worker has a copy.</summary>
        public bool IsCopied { get; set; }

        public List<StepEntry>? Kept { get; set; }

        /// <summary>When the last token came; null without any.</summary>
        public long? LastToken { get; set; }

        /// <summary>That one was of the attempt before.</summary>
        public bool IsLastOfBefore { get; set; }
    }
}
