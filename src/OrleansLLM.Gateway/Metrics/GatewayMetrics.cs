using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;
using OrleansLLM.Text;

namespace OrleansLLM.Gateway.Metrics;

/// <summary>
/// What a gateway can measure of its requests, under vLLM's names (an instrument is called vllm.x, a view makes it vllm:x). The engines
/// measure the rest on meters of the same name.
/// </summary>
internal sealed class GatewayMetrics : IDisposable
{
    /// <summary>Every meter of ours is called so.</summary>
    public const string MeterName = "OrleansLLM";

    public static readonly string[] FinishedReasons = ["stop", "length", "abort", "error"];

    private readonly Meter _meter;
    private readonly TimeProvider _time;
    private readonly Counter<long> _promptTokens;
    private readonly Counter<long> _finished;
    private readonly Histogram<long> _samples;
    private readonly Lock _lock = new();
    private readonly HashSet<string> _announced = [];
    private readonly ConditionalWeakTable<GenerationRequest, MeasuredRequest> _measured = [];
    private TokenCounts? _counts;

    public GatewayMetrics(IMeterFactory meters, TimeProvider time)
    {
        _time = time;
        _meter = meters.Create(MeterName);
        _promptTokens = _meter.CreateCounter<long>("vllm.prompt_tokens", null, "Number of prefill tokens processed.");
        GenerationTokens = _meter.CreateCounter<long>("vllm.generation_tokens", null, "Number of generation tokens processed.");
        _finished = _meter.CreateCounter<long>("vllm.request_success", null, "Count of successfully processed requests.");
        FirstToken = Seconds("vllm.time_to_first_token_seconds", Buckets.FirstToken, "Histogram of time to first token in seconds.");
        BetweenTokens = Seconds("vllm.inter_token_latency_seconds", Buckets.BetweenTokens, "Histogram of inter-token latency in seconds.");
        PerOutputToken = Seconds(
            "vllm.request_time_per_output_token_seconds", Buckets.BetweenTokens, "Histogram of time per output token, per request.");
        EndToEnd = Seconds("vllm.e2e_request_latency_seconds", Buckets.Request, "Histogram of e2e request latency in seconds.");
        Decode = Seconds("vllm.request_decode_time_seconds", Buckets.Request, "Histogram of time spent in DECODE phase for request.");
        _samples = Count(_meter, "vllm.request_params_n", Whole(Buckets.Samples), "Histogram of the n request parameter.");
    }

    public Counter<long> GenerationTokens { get; }

    public Histogram<double> FirstToken { get; }

    public Histogram<double> BetweenTokens { get; }

    public Histogram<double> PerOutputToken { get; }

    public Histogram<double> EndToEnd { get; }

    public Histogram<double> Decode { get; }

    /// <summary>Gives a model's counters their first value, 0, so that rates have something to start from.</summary>
    public void Announce(ServedModel model)
    {
        lock (_lock)
        {
            if (!_announced.Add(model.Name))
            {
                return;
            }

            _counts ??= new TokenCounts(_meter, Whole(Buckets.OneTwoFive(model.MaxLength)));
        }

        var tags = Tags(model.Name);
        _promptTokens.Add(0, tags);
        GenerationTokens.Add(0, tags);
        foreach (var reason in FinishedReasons)
        {
            CountFinished(model.Name, reason, 0);
        }
    }

    /// <summary>A request was accepted which arrived at <paramref name="arrival"/>; the same one counts once.</summary>
    public void OnSubmitted(ServedModel model, GenerationRequest request, long arrival)
    {
        Announce(model);
        if (!Measured(request, arrival).TryCountPrompt())
        {
            return;
        }

        var tags = Tags(model.Name);
        _promptTokens.Add(request.PromptIds.Length, tags);
        _samples.Record(request.Samples, tags);
        _counts?.MaxTokens.Record(request.MaxTokens, tags);
    }

    /// <param name="first">The answer's first request.</param>
    /// <param name="longest">Tokens of its longest choice.</param>
    public void OnAnswered(GenerationRequest first, int longest, long arrival)
    {
        if (Measured(first, arrival).TryCountAnswer())
        {
            _counts?.LongestOutput.Record(longest, Tags(first.Model));
        }
    }

    /// <summary>A timer of one client's reading of a request's answer.</summary>
    /// <param name="request">As the generator knows it: one object as long as it is known.</param>
    public ChoiceTimer Start(ServedModel model, GenerationRequest request, SequenceId sequence, long arrival)
    {
        Announce(model); // it may be another gateway's, and the first that is measured here
        return new(this, Measured(request, arrival), sequence, request, _time);
    }

    public void OnFinished(string model, string reason, int promptTokens, int completionTokens)
    {
        CountFinished(model, reason, 1);
        var tags = Tags(model);
        _counts?.Prompt.Record(promptTokens, tags);
        _counts?.Output.Record(completionTokens, tags);
    }

    /// <summary>An answer ended when its last client left.</summary>
    public void OnLeft(string model, string reason) => CountFinished(model, reason, 1);

    public void Dispose() => _meter.Dispose();

    private MeasuredRequest Measured(GenerationRequest request, long arrival) =>
        _measured.GetValue(request, known => new MeasuredRequest(known.Samples, arrival));

    /// <summary>The labels that all of vLLM's series have.</summary>
    public static TagList Tags(string model) => new() { { "model_name", model }, { "engine", "0" } };

    private void CountFinished(string model, string reason, int count)
    {
        var tags = Tags(model);
        tags.Add("finished_reason", reason);
        _finished.Add(count, tags);
    }

    private Histogram<double> Seconds(string name, double[] bounds, string description) => _meter.CreateHistogram(
        name, null, description, null, new InstrumentAdvice<double> { HistogramBucketBoundaries = bounds });

    private static long[] Whole(double[] bounds) => [.. bounds.Select(bound => (long)bound)];

    private static Histogram<long> Count(Meter meter, string name, long[] bounds, string description) => meter.CreateHistogram(
        name, null, description, null, new InstrumentAdvice<long> { HistogramBucketBoundaries = bounds });

    /// <summary>Histograms of token counts, whose bounds reach to the model's length.</summary>
    private sealed class TokenCounts(Meter meter, long[] bounds)
    {
        public Histogram<long> Prompt { get; } =
            Count(meter, "vllm.request_prompt_tokens", bounds, "Number of prefill tokens processed.");

        public Histogram<long> Output { get; } =
            Count(meter, "vllm.request_generation_tokens", bounds, "Number of generation tokens processed.");

        public Histogram<long> MaxTokens { get; } =
            Count(meter, "vllm.request_params_max_tokens", bounds, "Histogram of the max_tokens request parameter.");

        public Histogram<long> LongestOutput { get; } = Count(
            meter, "vllm.request_max_num_generation_tokens", bounds, "Histogram of maximum number of requested generation tokens.");
    }
}
