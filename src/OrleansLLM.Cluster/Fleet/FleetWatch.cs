using static System.FormattableString;

namespace OrleansLLM.Cluster;

/// <summary>
/// What one gateway's silo knows of the workers, from their reports, and when it stops to believe in one. Promises: a worker is lost when the
/// table of members calls its silo dead, when a younger incarnation speaks, when it says that it failed or drains, or when it was silent or made no
/// progress (counted by layer) for <see cref="LostAfter"/>; each loss is told once; one that was only stopped is believed again when it gets on.
/// Every member may be called from any thread.
/// </summary>
internal sealed class FleetWatch(TimeProvider time)
{
    /// <summary>A worker that was silent for so long gets no new work.</summary>
    public static readonly TimeSpan SuspectedAfter = TimeSpan.FromSeconds(1);

    /// <summary>A worker that was silent, or got on with nothing, for so long has lost its sequences.</summary>
    public static readonly TimeSpan LostAfter = TimeSpan.FromSeconds(3);

    /// <summary>Who was silent for so long is forgotten: silos come and go under ever new names.</summary>
    private static readonly TimeSpan Absence = TimeSpan.FromSeconds(60);

    private readonly Lock _lock = new();
    private readonly Dictionary<WorkerId, Entry> _workers = [];
    private readonly List<LostWorker> _losses = [];
    private readonly HashSet<string> _buried = [];
    private long? _lastDeath;
    private TaskCompletionSource _change = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes when a worker may be chosen that could not be before.</summary>
    public Task NextChange
    {
        get
        {
            lock (_lock)
            {
                return _change.Task;
            }
        }
    }

    /// <summary>The last word of every worker, in the order of their ids.</summary>
    public IReadOnlyList<WorkerReport> Reports
    {
        get
        {
            lock (_lock)
            {
                return [.. _workers.Values.Select(entry => entry.Report).OrderBy(report => report.Worker.Silo, StringComparer.Ordinal).ThenBy(report => report.Worker.Device)];
            }
        }
    }

    /// <summary>The workers that new work may go to.</summary>
    public IReadOnlyList<WorkerReport> Choosable
    {
        get
        {
            lock (_lock)
            {
                return [.. _workers.Values.Where(entry => IsChoosable(entry)).Select(entry => entry.Report)];
            }
        }
    }

    /// <summary>How long ago a worker was heard of.</summary>
    public TimeSpan AgeOf(WorkerId worker)
    {
        lock (_lock)
        {
            return _workers.TryGetValue(worker, out var entry) ? time.GetElapsedTime(entry.Heard) : Timeout.InfiniteTimeSpan;
        }
    }

    /// <summary>The model that a worker serves; empty where it is not known.</summary>
    public string ModelOf(WorkerId worker)
    {
        lock (_lock)
        {
            return _workers.TryGetValue(worker, out var entry) ? entry.Report.Model.Name : "";
        }
    }

    /// <summary>Whether the workers of that silo are silent, all of them, if it has any.</summary>
    public bool IsSilent(string silo)
    {
        lock (_lock)
        {
            var entries = _workers.Values.Where(entry => entry.Report.Silo == silo).ToList();
            return entries.Count > 0 && entries.TrueForAll(entry => time.GetElapsedTime(entry.Heard) > SuspectedAfter);
        }
    }

    /// <summary>Whether what was given to that incarnation is lost.</summary>
    public bool IsLost(long incarnation)
    {
        lock (_lock)
        {
            return !_workers.Values.Any(entry => entry.Report.Incarnation == incarnation && entry.Loss is null);
        }
    }

    /// <summary>Whether that incarnation stopped, so that what was given to it may be why.</summary>
    public bool HasDied(long incarnation)
    {
        lock (_lock)
        {
            return !_workers.Values.Any(entry => entry.Report.Incarnation == incarnation && entry.Loss is null or LossCause.Drains);
        }
    }

    /// <summary>What was lost since the last call.</summary>
    public IReadOnlyList<LostWorker> TakeLosses()
    {
        lock (_lock)
        {
            LostWorker[] losses = [.. _losses];
            _losses.Clear();
            return losses;
        }
    }

    public void Hear(WorkerReport report)
    {
        lock (_lock)
        {
            var now = time.GetTimestamp();
            var known = _workers.GetValueOrDefault(report.Worker);
            if (_buried.Contains(report.Silo ?? "") || known?.Report.Incarnation > report.Incarnation || (known?.Report.Incarnation == report.Incarnation && known.Report.Number >= report.Number))
            {
                return;
            }

            var wasChoosable = known is not null && IsChoosable(known);
            if (known is null || known.Report.Incarnation != report.Incarnation)
            {
                AddLoss(known, LossCause.Died, "was started anew");
                known = _workers[report.Worker] = new Entry(report, now);
            }

            known.Hear(report, now);
            Judge(known, now);
            if (!wasChoosable && IsChoosable(known))
            {
                var change = _change;
                _change = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                change.SetResult();
            }
        }
    }

    /// <summary>Looks for workers that are lost by now.</summary>
    public void Judge()
    {
        lock (_lock)
        {
            var now = time.GetTimestamp();
            foreach (var entry in _workers.Values)
            {
                Judge(entry, now);
                if (time.GetElapsedTime(entry.Heard, now) > Absence)
                {
                    _workers.Remove(entry.Report.Worker);
                }
            }
        }
    }

    /// <summary>The table of members calls a silo dead, a gateway's or a worker's.</summary>
    public void Bury(SiloAddress silo)
    {
        lock (_lock)
        {
            var address = silo.ToParsableString();
            if (!_buried.Add(address))
            {
                return;
            }

            _lastDeath = time.GetTimestamp();
            foreach (var entry in _workers.Values.Where(entry => entry.Report.Silo == address).ToList())
            {
                AddLoss(entry, LossCause.Died, "has left the cluster");
                _workers.Remove(entry.Report.Worker);
            }
        }
    }

    /// <summary>Whether a silo died within the last 15 s: what it held may still be on its way to another one.</summary>
    public bool HasDiedLately
    {
        get
        {
            lock (_lock)
            {
                return _lastDeath is { } death && time.GetElapsedTime(death) < TimeSpan.FromSeconds(15);
            }
        }
    }

    /// <summary>Engines of this silo that are attached no longer.</summary>
    public void Leave(Func<WorkerId, bool> isDetached)
    {
        lock (_lock)
        {
            foreach (var worker in _workers.Keys.Where(isDetached).ToList())
            {
                _workers.Remove(worker);
            }
        }
    }

    /// <summary>This silo was stopped itself: what it missed meanwhile speaks against nobody.</summary>
    public void Pardon()
    {
        lock (_lock)
        {
            foreach (var entry in _workers.Values)
            {
                entry.Heard = entry.Moved = time.GetTimestamp();
            }
        }
    }

    private bool IsChoosable(Entry entry) =>
        entry.Report.Phase == WorkerPhase.Ready && entry.Loss is null && time.GetElapsedTime(entry.Heard) <= SuspectedAfter;

    private void Judge(Entry entry, long now)
    {
        var (silence, stillness) = (time.GetElapsedTime(entry.Heard, now), time.GetElapsedTime(entry.Moved, now));
        var (loss, why) = entry.Report switch
        {
            { Phase: WorkerPhase.Failed } => (LossCause.Failed, entry.Report.Failure ?? "has failed"),
            _ when silence >= LostAfter => (LossCause.Hung, Invariant($"has not been heard of for {LostAfter.TotalSeconds:0} s")),
            _ when stillness >= LostAfter => (LossCause.Hung, Invariant($"has made no progress for {LostAfter.TotalSeconds:0} s")),
            { Phase: WorkerPhase.Draining } => (LossCause.Drains, "is stopping"),
            _ => ((LossCause?)null, ""),
        };
        if (loss is null)
        {
            entry.Loss = null;
        }
        else if (entry.Loss is null || (entry.Loss == LossCause.Drains && loss != LossCause.Drains))
        {
            AddLoss(entry, loss.Value, why);
        }
    }

    private void AddLoss(Entry? entry, LossCause cause, string why)
    {
        if (entry is not null && entry.Loss != cause)
        {
            entry.Loss = cause;
            _losses.Add(new LostWorker(entry.Report.Worker, entry.Report.Incarnation, cause, why));
        }
    }

    private sealed class Entry(WorkerReport report, long now)
    {
        public WorkerReport Report { get; private set; } = report;

        public long Heard { get; set; } = now;

        /// <summary>When its progress was last seen to grow.</summary>
        public long Moved { get; set; } = now;

        public LossCause? Loss { get; set; }

        public void Hear(WorkerReport report, long now)
        {
            Moved = report.Progress != Report.Progress ? now : Moved;
            (Report, Heard) = (report, now);
        }
    }
}

/// <summary>A worker that computes nothing any more of what it was given, and how a sentence about it goes on.</summary>
internal sealed record LostWorker(WorkerId Worker, long Incarnation, LossCause Cause, string Why);
