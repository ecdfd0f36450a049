using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Runtime.CompilerServices;

namespace OrleansLLM.Engine;

/// <summary>
/// The engines' instruments under vLLM's names (a view turns <c>vllm.x</c> into <c>vllm:x</c>), all of them observed: a step counts in
/// plain fields, and a scrape reads the last snapshot. Engines of one model are numbered (the label <c>engine</c>), so that each has series of its
/// own; the number of one that has gone is free again. To add one: a row in <see cref="CreateMeter"/>.
/// </summary>
internal sealed class EngineMeters : IDisposable
{
    private static readonly ConcurrentDictionary<EngineName, EngineMeters> Engines = [];

    // One for the process: exporters take instruments of equal names for one, and drop it for all engines where one disposes its own.
    private static readonly Meter Meter = CreateMeter();

    private readonly EngineName _name;
    private readonly KeyValuePair<string, object?>[] _labels;
    private readonly Func<EngineStatistics> _read;
    private volatile StrongBox<EngineStatistics> _before = new();

    public EngineMeters(string model, Func<EngineStatistics> read)
    {
        _read = read;
        _labels = [new("model_name", model), default];
        lock (Meter)
        {
            _name = new EngineName(model, Enumerable.Range(0, int.MaxValue).First(number => !Engines.ContainsKey(new EngineName(model, number))));
            _labels[1] = new("engine", _name.Number.ToString(CultureInfo.InvariantCulture));
            Engines[_name] = this;
        }
    }

    /// <summary>What was counted so far is not shown.</summary>
    public void Restart() => _before = new(_read());

    public void Dispose() => Engines.TryRemove(new(_name, this));

    private static Meter CreateMeter()
    {
        var meter = new Meter("OrleansLLM");
        Gauge(meter, "vllm.num_requests_running", "Sequences that run.", now => now.Load.Running);
        Gauge(meter, "vllm.num_requests_waiting", "Sequences that wait.", now => now.Load.Waiting + now.Load.Preempted);
        Gauge(meter, "vllm.kv_cache_usage_perc", "KV blocks that sequences hold; 1 is all.", now => now.KvUsage);
        Gauge(meter, "orleansllm.engine_failed", "1 where the engine computes nothing any more: its loop failed, or is stuck.", now => now.HasFailed ? 1 : 0);
        Gauge(
            meter, "orleansllm.step_token_budget", "Prompt tokens that the next step may compute, by what steps took lately.",
            now => now.StepTokenBudget);
        Counter(meter, "vllm.prefix_cache_queries", "Tokens looked for in the prefix cache.", counts => counts.PrefixQueries);
        Counter(meter, "vllm.prefix_cache_hits", "Tokens found in the prefix cache.", counts => counts.PrefixHits);
        Counter(meter, "orleansllm.sampled_tokens", "Tokens that were drawn, also those that nobody got.", counts => counts.GeneratedTokens);
        Counter(
            meter, "orleansllm.recomputed_tokens", "Tokens of prompts and answers that were computed for sequences which another engine had begun.",
            counts => counts.RecomputedTokens);
        Counter(meter, "vllm.num_preemptions", "Sequences pushed out for want of blocks.", counts => counts.Preemptions);
        Counter(
            meter, "orleansllm.engine_failures",
            "Steps that an error of the device ended or whose logits were no numbers, and transfers of blocks that failed.", counts => counts.Failures);
        meter.CreateObservableCounter(
            "orleansllm.preemptions_by_mode",
            () => Engines.Values.SelectMany(engine => new Measurement<long>[]
            {
                new(engine.Since(counts => counts.PreemptionsByRecompute), [.. engine._labels, new("mode", "recompute")]),
                new(engine.Since(counts => counts.PreemptionsBySwap), [.. engine._labels, new("mode", "swap")]),
            }),
            description: "Sequences pushed out, by how they come back.");
        return meter;
    }

    private static void Gauge(Meter meter, string name, string description, Func<EngineStatistics, double> read) => meter.CreateObservableGauge(
        name, () => Engines.Values.Select(engine => new Measurement<double>(read(engine._read()), engine._labels)), description: description);

    private static void Counter(Meter meter, string name, string description, Func<EngineStatistics, long> count) => meter.CreateObservableCounter(
        name, () => Engines.Values.Select(engine => new Measurement<long>(engine.Since(count), engine._labels)), description: description);

    private long Since(Func<EngineStatistics, long> count) => count(_read()) - count(_before.Value);

    private readonly record struct EngineName(string Model, int Number);
}
