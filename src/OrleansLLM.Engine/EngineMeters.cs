using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;

namespace OrleansLLM.Engine;

/// <summary>
/// The engine's instruments under vLLM's names (a view turns <c>vllm.x</c> into <c>vllm:x</c>), all of them observed: a step counts in
/// plain fields, and a scrape reads the last snapshot. To add one: a row here.
/// </summary>
internal sealed class EngineMeters : IDisposable
{
    private readonly Meter _meter = new("OrleansLLM");
    private readonly KeyValuePair<string, object?>[] _labels;
    private readonly Func<EngineStatistics> _read;
    private volatile StrongBox<EngineStatistics> _before = new();

    public EngineMeters(string model, Func<EngineStatistics> read)
    {
        _read = read;
        _labels = [new("model_name", model), new("engine", "0")];
        Gauge("vllm.num_requests_running", "Sequences that run.", () => read().Load.Running);
        Gauge("vllm.num_requests_waiting", "Sequences that wait.", () => read().Load.Waiting + read().Load.Preempted);
        Gauge("vllm.kv_cache_usage_perc", "KV blocks that sequences hold; 1 is all.", () => read().KvUsage);
        Counter("vllm.prefix_cache_queries", "Tokens looked for in the prefix cache.", counts => counts.PrefixQueries);
        Counter("vllm.prefix_cache_hits", "Tokens found in the prefix cache.", counts => counts.PrefixHits);
        Counter("vllm.num_preemptions", "Sequences pushed out for want of blocks.", counts => counts.Preemptions);
        Counter("orleansllm.engine_failures", "Steps that an error of the device ended or whose logits were no numbers, and transfers of blocks that failed.", counts => counts.Failures);
        _meter.CreateObservableCounter(
            "orleansllm.preemptions_by_mode",
            () => new Measurement<long>[]
            {
                new(Since(counts => counts.PreemptionsByRecompute), [.. _labels, new("mode", "recompute")]),
                new(Since(counts => counts.PreemptionsBySwap), [.. _labels, new("mode", "swap")]),
            },
            description: "Sequences pushed out, by how they come back.");
    }

    /// <summary>What was counted so far is not shown.</summary>
    public void Restart() => _before = new(_read());

    public void Dispose() => _meter.Dispose();

    private void Gauge(string name, string description, Func<double> read) =>
        _meter.CreateObservableGauge(name, () => new Measurement<double>(read(), _labels), description: description);

    private void Counter(string name, string description, Func<EngineStatistics, long> count) =>
        _meter.CreateObservableCounter(name, () => new Measurement<long>(Since(count), _labels), description: description);

    private long Since(Func<EngineStatistics, long> count) => count(_read()) - count(_before.Value);
}
