using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace OrleansLLM.Cluster;

/// <summary>
/// What a gateway's silo counts of its sequences' ways through the workers. Each series has the model and, as <c>engine</c>, the worker; counters
/// of a worker begin at 0 when it is first heard of. May be called from any thread.
/// </summary>
internal sealed class ClusterMetrics
{
    /// <summary>As the other meters of ours: an exporter takes them together.</summary>
    public const string MeterName = "OrleansLLM";

    /// <summary>Close together around what a loss is to take: 1 to 8 s.</summary>
    public static readonly double[] GapBounds = [0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 4, 6, 8, 10, 20, 40, 80];

    private readonly FleetWatch _watch;
    private readonly SiloContext _silo;
    private readonly Counter<long> _attempts;
    private readonly Counter<long> _adoptions;
    private readonly Counter<long> _orphans;
    private readonly Counter<long> _poisoned;
    private readonly Histogram<double> _gaps;
    private readonly HashSet<(string Model, WorkerId Worker)> _announced = [];

    public ClusterMetrics(IMeterFactory meters, FleetWatch watch, SiloContext silo)
    {
        (_watch, _silo) = (watch, silo);
        var meter = meters.Create(MeterName);
        _attempts = meter.CreateCounter<long>("orleansllm.attempts", null, "Sequences that were given to a worker, by why it was this one's turn.");
        _adoptions = meter.CreateCounter<long>("orleansllm.adoptions", null, "Running sequences of dead gateways that this one goes on with, from the worker's copies.");
        _orphans = meter.CreateCounter<long>("orleansllm.orphans", null, "Attempts that a worker held and nobody waited for; it was told to end them.");
        _poisoned = meter.CreateCounter<long>(
            "orleansllm.poisoned_requests", null, "Requests that failed because workers in turn stopped under them: two without a new token between, or eight.");
        _gaps = meter.CreateHistogram(
            "orleansllm.reader_gap_seconds", null, "Pause between the last token of a lost attempt and the first one of the next.", null,
            new InstrumentAdvice<double> { HistogramBucketBoundaries = GapBounds });
        meter.CreateObservableGauge("orleansllm.worker_report_age_seconds", ObserveAges, null, "How long ago a worker was heard of.");
    }

    public void OnAttempt(string model, WorkerId worker, AttemptCause cause, int sequences) => _attempts.Add(sequences, Tags(model, worker, Name(cause)));

    public void OnAdoption(string model, WorkerId worker) => _adoptions.Add(1, Tags(model, worker));

    public void OnOrphan(WorkerId worker, OrphanCause cause) => _orphans.Add(1, Tags(_watch.ModelOf(worker), worker, Name(cause)));

    /// <param name="worker">The last one that stopped.</param>
    public void OnPoison(string model, WorkerId worker) => _poisoned.Add(1, Tags(model, worker));

    /// <param name="worker">The one that goes on.</param>
    public void OnGap(string model, WorkerId worker, TimeSpan gap) => _gaps.Record(gap.TotalSeconds, Tags(model, worker));

    /// <summary>Gives the counters of workers that are new their first value, 0, so that rates have something to start from. Called by one thread.</summary>
    public void Announce(IReadOnlyList<WorkerReport> workers)
    {
        _announced.IntersectWith(workers.Select(report => (report.Model.Name, report.Worker)));
        foreach (var (model, worker) in workers.Select(report => (report.Model.Name, report.Worker)).Where(_announced.Add))
        {
            Array.ForEach(Enum.GetValues<AttemptCause>(), cause => OnAttempt(model, worker, cause, 0));
            Array.ForEach(Enum.GetValues<OrphanCause>(), cause => _orphans.Add(0, Tags(model, worker, Name(cause))));
            _adoptions.Add(0, Tags(model, worker));
            _poisoned.Add(0, Tags(model, worker));
        }
    }

    /// <summary>A cluster of one has no reports.</summary>
    private IEnumerable<Measurement<double>> ObserveAges() => _silo.IsAlone
        ? []
        : _watch.Reports.Select(report => new Measurement<double>(
            _watch.AgeOf(report.Worker).TotalSeconds, new("model_name", report.Model.Name), new("engine", report.Worker.ToString())));

    private static TagList Tags(string model, WorkerId worker) => new() { { "model_name", model }, { "engine", worker.ToString() } };

    private static TagList Tags(string model, WorkerId worker, string cause)
    {
        var tags = Tags(model, worker);
        tags.Add("cause", cause);
        return tags;
    }

    private static string Name(AttemptCause cause) => cause.ToString().ToLowerInvariant();

    private static string Name(OrphanCause cause) => cause == OrphanCause.NotChosen ? "not_chosen" : cause.ToString().ToLowerInvariant();
}
