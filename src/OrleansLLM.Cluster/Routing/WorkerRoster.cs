namespace OrleansLLM.Cluster;

/// <summary>
/// What a router knows of one model's workers beside their reports: which prompts they have seen, and what was sent there since. The next request goes
/// where it costs least: prompt tokens that are not cached there, and <see cref="SequenceCost"/> for each sequence that runs or waits; an engine with
/// the fingerprint that is asked for comes before any other. Not thread safe.
/// </summary>
internal sealed class WorkerRoster
{
    /// <summary>A sequence on a worker weighs as much as that many prompt tokens to be computed there.</summary>
    public const int SequenceCost = 64;

    private readonly Dictionary<long, Entry> _entries = [];

    /// <summary>Incarnations that something is known of.</summary>
    public int Count => _entries.Count;

    /// <summary>The one of the candidates that costs least; null without any.</summary>
    public WorkerReport? Choose(IReadOnlyList<WorkerReport> candidates, RouteQuery query)
    {
        (WorkerReport Report, Entry Entry)? best = null;
        var least = (IsOther: true, Cost: long.MaxValue);
        foreach (var report in candidates)
        {
            var entry = EntryOf(report);
            var cost = (IsOther: query.Fingerprint.Length > 0 && report.Model.Fingerprint != query.Fingerprint, entry.Cost(report, query.Prefix));
            if (!query.Excluded.Contains(report.Incarnation) && cost.CompareTo(least) < 0)
            {
                (best, least) = ((report, entry), cost);
            }
        }

        if (best is not { } chosen)
        {
            return null;
        }

        chosen.Entry.Assigned++;
        chosen.Entry.Prefixes.Add(query.Prefix);
        return chosen.Report;
    }

    /// <summary>Forgets all but these: silos come and go under ever new names.</summary>
    public void Keep(IReadOnlyList<WorkerReport> workers)
    {
        if (_entries.Count > workers.Count)
        {
            foreach (var gone in _entries.Keys.Except(workers.Select(report => report.Incarnation)).ToList())
            {
                _entries.Remove(gone);
            }
        }
    }

    private Entry EntryOf(WorkerReport report)
    {
        if (!_entries.TryGetValue(report.Incarnation, out var entry))
        {
            _entries.Add(report.Incarnation, entry = new Entry(new PrefixIndex(report.Model.CacheTokens / PrefixChunks.Tokens)));
        }

        entry.Note(report);
        return entry;
    }

    private sealed class Entry(PrefixIndex prefixes)
    {
        private long _number;

        public PrefixIndex Prefixes { get; } = prefixes;

        /// <summary>Requests sent there since its report.</summary>
        public int Assigned { get; set; }

        public void Note(WorkerReport report)
        {
            if (report.Number != _number)
            {
                (_number, Assigned) = (report.Number, 0);
            }
        }

        public long Cost(WorkerReport report, ReadOnlySpan<byte> prefix)
        {
            var uncached = PrefixChunks.Count(prefix) - Prefixes.Match(prefix);
            var sequences = report.Load.Running + report.Load.Waiting + report.Load.Preempted + Assigned;
            return ((long)uncached * PrefixChunks.Tokens) + ((long)sequences * SequenceCost);
        }
    }
}
