using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace OrleansLLM.Cli.Bench;

/// <summary>What was asked for, as the report repeats it.</summary>
internal sealed record BenchFacts(string Backend, string Model, int Prompts, double Rate, double Burstiness, int? MaxConcurrency, DateTimeOffset Started);

/// <summary>The figures of a load run, printed and written as <c>vllm bench serve</c> does.</summary>
internal sealed class BenchReport
{
    private const int Width = 50;

    private readonly BenchFacts _facts;
    private readonly double _seconds;
    private readonly IReadOnlyList<RequestRecord> _records;
    private readonly RequestRecord[] _good;
    private readonly (string Key, string Label, string Title, Distribution Values)[] _sections;

    public BenchReport(BenchFacts facts, double seconds, IReadOnlyList<RequestRecord> records)
    {
        (_facts, _seconds, _records) = (facts, seconds, records);
        _good = [.. records.Where(record => record.Succeeded)];
        _sections =
        [
            ("ttft", "TTFT", "Time to First Token", new(_good.Select(record => record.TimeToFirstToken))),
            ("tpot", "TPOT", "Time per Output Token (excl. 1st token)", new(_good.Where(record => record.OutputTokens > 1)
                .Select(record => (record.Latency - record.TimeToFirstToken) / (record.OutputTokens - 1)))),
            ("itl", "ITL", "Inter-token Latency", new(_good.SelectMany(record => record.InterTokenLatencies))),
            ("e2el", "E2EL", "End-to-end Latency", new(_good.Select(record => record.Latency))),
        ];
    }

    public int Completed => _good.Length;

    public int Failed => _records.Count - _good.Length;

    public long OutputTokens => _good.Sum(record => (long)record.OutputTokens);

    public double OutputThroughput => OutputTokens / _seconds;

    private long InputTokens => _good.Sum(record => (long)record.InputTokens);

    public string ToText()
    {
        var text = new StringBuilder();
        text.AppendLine(Ruler("Serving Benchmark Result", '='));
        Row(text, "Successful requests:", Completed);
        Row(text, "Failed requests:", Failed);
        if (_facts.MaxConcurrency is { } concurrency)
        {
            Row(text, "Maximum request concurrency:", concurrency);
        }

        if (!double.IsPositiveInfinity(_facts.Rate))
        {
            Row(text, "Request rate configured (RPS):", _facts.Rate);
        }

        Row(text, "Benchmark duration (s):", _seconds);
        Row(text, "Total input tokens:", InputTokens);
        Row(text, "Total generated tokens:", OutputTokens);
        Row(text, "Request throughput (req/s):", Completed / _seconds);
        Row(text, "Output token throughput (tok/s):", OutputThroughput);
        Row(text, "Peak output token throughput (tok/s):", PeakOutputThroughput());
        Row(text, "Peak concurrent requests:", (double)PeakConcurrency());
        Row(text, "Total token throughput (tok/s):", (InputTokens + OutputTokens) / _seconds);
        foreach (var (_, label, title, values) in _sections)
        {
            text.AppendLine(Ruler(title, '-'));
            Row(text, $"Mean {label} (ms):", values.Mean * 1000);
            Row(text, $"Median {label} (ms):", values.Percentile(50) * 1000);
            Row(text, $"P99 {label} (ms):", values.Percentile(99) * 1000);
        }

        text.AppendLine(new string('=', Width));
        return text.ToString();
    }

    /// <param name="detail">Whether each request's own lengths, times, texts and errors are in it (<c>--save-detailed</c>).</param>
    public JsonObject ToJson(SavedDetail detail)
    {
        var json = new JsonObject
        {
            ["date"] = _facts.Started.ToString("yyyyMMdd-HHmmss", CultureInfo.InvariantCulture),
            ["backend"] = _facts.Backend,
            ["model_id"] = _facts.Model,
            ["tokenizer_id"] = _facts.Model,
            ["num_prompts"] = _facts.Prompts,
            ["request_rate"] = double.IsPositiveInfinity(_facts.Rate) ? "inf" : _facts.Rate,
            ["burstiness"] = _facts.Burstiness,
            ["max_concurrency"] = _facts.MaxConcurrency,
            ["duration"] = _seconds,
            ["completed"] = Completed,
            ["failed"] = Failed,
            ["total_input_tokens"] = InputTokens,
            ["total_output_tokens"] = OutputTokens,
            ["request_throughput"] = Completed / _seconds,
            ["request_goodput"] = null,
            ["output_throughput"] = OutputThroughput,
            ["total_token_throughput"] = (InputTokens + OutputTokens) / _seconds,
            ["max_output_tokens_per_s"] = PeakOutputThroughput(),
            ["max_concurrent_requests"] = PeakConcurrency(),
        };
        if (detail == SavedDetail.EveryRequest)
        {
            AddRequests(json);
        }

        foreach (var (key, _, _, values) in _sections)
        {
            json[$"mean_{key}_ms"] = values.Mean * 1000;
            json[$"median_{key}_ms"] = values.Percentile(50) * 1000;
            json[$"std_{key}_ms"] = values.StandardDeviation * 1000;
            json[$"p99_{key}_ms"] = values.Percentile(99) * 1000;
        }

        return json;
    }

    private void AddRequests(JsonObject json)
    {
        json["input_lens"] = Array(_records.Select(record => JsonValue.Create(record.InputTokens)));
        json["output_lens"] = Array(_records.Select(record => JsonValue.Create(record.OutputTokens)));
        json["ttfts"] = Array(_records.Select(record => JsonValue.Create(record.TimeToFirstToken)));
        json["itls"] = Array(_records.Select(record => Array(record.InterTokenLatencies.Select(value => JsonValue.Create(value)))));
        json["generated_texts"] = Array(_records.Select(record => JsonValue.Create(record.Text)));
        json["errors"] = Array(_records.Select(record => JsonValue.Create(record.Error)));
    }

    private static JsonArray Array(IEnumerable<JsonNode?> items) => new([.. items]);

    /// <summary>The most output tokens that arrived within one of the seconds that follow the start.</summary>
    private double PeakOutputThroughput() => _good
        .SelectMany(record => record.Arrivals.Select(time => (Second: (int)time, Tokens: (double)record.OutputTokens / record.Arrivals.Count)))
        .GroupBy(arrival => arrival.Second)
        .Select(second => second.Sum(arrival => arrival.Tokens))
        .DefaultIfEmpty()
        .Max();

    private int PeakConcurrency()
    {
        var (running, peak) = (0, 0);
        foreach (var (_, change) in _good.SelectMany(record => new[] { (record.Sent, 1), (record.Ended, -1) }).Order())
        {
            running += change;
            peak = Math.Max(peak, running);
        }

        return peak;
    }

    private static void Row(StringBuilder text, string label, long value) =>
        text.AppendLine(CultureInfo.InvariantCulture, $"{label,-40} {value,-10}");

    private static void Row(StringBuilder text, string label, double value) =>
        text.AppendLine(CultureInfo.InvariantCulture, $"{label,-40} {value,-10:F2}");

    /// <summary>A title in the middle of a line of <see cref="Width"/> columns.</summary>
    private static string Ruler(string title, char line)
    {
        var padded = line == '=' ? $" {title} " : title;
        var left = (Width - padded.Length) / 2;
        return new string(line, left) + padded + new string(line, Width - padded.Length - left);
    }
}

internal enum SavedDetail
{
    Summary,
    EveryRequest,
}
