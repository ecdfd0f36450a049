namespace OrleansLLM.Cluster;

/// <summary>
/// The workers of one model and what a router knows of them. Soft state: reports fill it, silence empties it. The next request goes where
/// it costs least: prompt tokens that are not cached there, and <see cref="SequenceCost"/> for each sequence that runs or waits.
/// Not thread safe.
/// </summary>
internal sealed class WorkerRoster(TimeProvider time)
{
    /// <summary>A sequence on a worker weighs as much as that many prompt tokens to be computed there.</summary>
    public const int SequenceCost = 64;

    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(5);

    /// <summary>Who was silent for so long is forgotten with all that it may have cached: silos come and go under ever new names.</summary>
    private static readonly TimeSpan Absence = TimeSpan.FromSeconds(60);

    private readonly Dictionary<WorkerId, Entry> _entries = [];

    /// <summary>Workers that spoke within the last minute, as of the last report or choice.</summary>
    public int Count => _entries.Count;

    public void Report(WorkerReport report)
    {
        ForgetAbsent();
        var known = _entries.GetValueOrDefault(report.Worker);
        known = known?.Report.Incarnation == report.Incarnation ? known : null;
        if (known?.Report.Number > report.Number)
        {
            return;
        }

        var prefixes = known?.Prefixes ?? new PrefixIndex(report.Model.CacheTokens / PrefixChunks.Tokens);
        _entries[report.Worker] = new Entry(report, prefixes, time.GetTimestamp());
    }

    /// <summary>False where no worker that spoke lately is ready.</summary>
    public bool TryChoose(ReadOnlySpan<byte> prefix, out WorkerId worker)
    {
        ForgetAbsent();
        worker = default;
        Entry? best = null;
        var least = long.MaxValue;
        foreach (var entry in _entries.Values)
        {
            var cost = entry.Cost(prefix);
            if (entry.Report.Phase == WorkerPhase.Ready && time.GetElapsedTime(entry.Heard) <= Silence && cost < least)
            {
                (best, least) = (entry, cost);
            }
        }

        if (best is null)
        {
            return false;
        }

        best.Assigned++;
        best.Prefixes.Add(prefix);
        worker = best.Report.Worker;
        return true;
    }

    private void ForgetAbsent()
    {
        foreach (var (worker, entry) in _entries)
        {
            if (time.GetElapsedTime(entry.Heard) > Absence)
            {
                _entries.Remove(worker);
            }
        }
    }

    private sealed class Entry(WorkerReport report, PrefixIndex prefixes, long heard)
    {
        public WorkerReport Report { get; } = report;

        public PrefixIndex Prefixes { get; } = prefixes;

        public long Heard { get; } = heard;

        /// <summary>Requests sent there since its report.</summary>
        public int Assigned { get; set; }

        public long Cost(ReadOnlySpan<byte> prefix)
        {
            var uncached = PrefixChunks.Count(prefix) - Prefixes.Match(prefix);
            var sequences = Report.Load.Running + Report.Load.Waiting + Report.Load.Preempted + Assigned;
            return ((long)uncached * PrefixChunks.Tokens) + ((long)sequences * SequenceCost);
        }
    }
}
