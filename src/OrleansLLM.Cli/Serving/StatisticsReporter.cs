using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace OrleansLLM.Cli.Serving;

/// <summary>
/// Logs vLLM's line of statistics every 10 s, while something happens and once after. It reads the meters, so it says what
/// <c>/metrics</c> says.
/// </summary>
internal sealed partial class StatisticsReporter(TimeProvider time, ILogger<StatisticsReporter> logger) : BackgroundService
{
    public static readonly TimeSpan Period = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<string, double> _values = new(StringComparer.Ordinal);
    private (double Prompt, double Generation, double Queries, double Hits) _last;
    private bool _wasIdle = true;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var listener = new MeterListener { InstrumentPublished = Enable };
        listener.SetMeasurementEventCallback<long>((instrument, value, _, _) => Note(instrument, value));
        listener.SetMeasurementEventCallback<int>((instrument, value, _, _) => Note(instrument, value));
        listener.SetMeasurementEventCallback<double>((instrument, value, _, _) => Note(instrument, value));
        listener.Start();
        using var timer = new PeriodicTimer(Period, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken).ConfigureAwait(false))
            {
                listener.RecordObservableInstruments();
                Report(Period.TotalSeconds);
            }
        }
        catch (OperationCanceledException)
        {
            // The host stops.
        }
    }

    internal void Report(double seconds)
    {
        var now = (Value("prompt_tokens"), Value("generation_tokens"), Value("prefix_cache_queries"), Value("prefix_cache_hits"));
        var (running, waiting) = (Value("num_requests_running"), Value("num_requests_waiting"));
        var isIdle = now == _last && running == 0 && waiting == 0;
        if (!(isIdle && _wasIdle))
        {
            var queries = now.Item3;
            LogStatistics(
                (now.Item1 - _last.Prompt) / seconds, (now.Item2 - _last.Generation) / seconds, (long)running, (long)waiting,
                Value("kv_cache_usage_perc") * 100, queries == 0 ? 0 : now.Item4 / queries * 100);
        }

        (_last, _wasIdle) = (now, isIdle);
    }

    private static void Enable(Instrument instrument, MeterListener listener)
    {
        if (instrument.Meter.Name == "OrleansLLM" && instrument.Name is "vllm.prompt_tokens" or "vllm.generation_tokens"
            or "vllm.prefix_cache_queries" or "vllm.prefix_cache_hits" or "vllm.num_requests_running" or "vllm.num_requests_waiting"
            or "vllm.kv_cache_usage_perc")
        {
            listener.EnableMeasurementEvents(instrument);
        }
    }

    /// <summary>Counters add up, observed values replace.</summary>
    private void Note(Instrument instrument, double value) =>
        _values.AddOrUpdate(instrument.Name, value, (_, old) => instrument.IsObservable ? value : old + value);

    private double Value(string name) => _values.GetValueOrDefault("vllm." + name);

    [LoggerMessage(
        LogLevel.Information,
        "Engine 000: Avg prompt throughput: {PromptThroughput:F1} tokens/s, Avg generation throughput: {GenerationThroughput:F1} tokens/s, Running: {Running} reqs, Waiting: {Waiting} reqs, GPU KV cache usage: {CacheUsage:F1}%, Prefix cache hit rate: {HitRate:F1}%")]
    private partial void LogStatistics(
        double promptThroughput, double generationThroughput, long running, long waiting, double cacheUsage, double hitRate);
}
