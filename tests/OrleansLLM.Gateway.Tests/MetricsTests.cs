using System.Globalization;
using OrleansLLM.Gateway.Metrics;
using OrleansLLM.Gateway.Tests.Support;
using OrleansLLM.Testing;

namespace OrleansLLM.Gateway.Tests;

/// <summary>What a scraper reads. A meter is the process's, so each test has a model of its own.</summary>
public sealed class MetricsTests
{
    private static readonly (string Name, double[] Bounds)[] Histograms =
    [
        ("vllm:time_to_first_token_seconds", Buckets.FirstToken),
        ("vllm:inter_token_latency_seconds", Buckets.BetweenTokens),
        ("vllm:request_time_per_output_token_seconds", Buckets.BetweenTokens),
        ("vllm:e2e_request_latency_seconds", Buckets.Request),
        ("vllm:request_decode_time_seconds", Buckets.Request),
        ("vllm:request_prompt_tokens", [1, 2, 5, 10, 20, 50, 100, 200]),
        ("vllm:request_generation_tokens", [1, 2, 5, 10, 20, 50, 100, 200]),
        ("vllm:request_max_num_generation_tokens", [1, 2, 5, 10, 20, 50, 100, 200]),
        ("vllm:request_params_max_tokens", [1, 2, 5, 10, 20, 50, 100, 200]),
        ("vllm:request_params_n", Buckets.Samples),
    ];

    [Fact]
    public async Task Counters_start_at_zero_before_the_first_request()
    {
        await using var host = await GatewayHost.StartAsync(name: "metrics-zero");
        var samples = Parse((await host.GetAsync("/metrics")).Body, "metrics-zero");
        Assert.Equal(0, samples["vllm:prompt_tokens_total"]);
        Assert.Equal(0, samples["vllm:generation_tokens_total"]);
        Assert.All(GatewayMetrics.FinishedReasons, reason => Assert.Equal(0, samples[$"vllm:request_success_total|{reason}"]));
    }

    [Fact]
    public async Task Requests_are_counted_under_vllms_names_and_bounds()
    {
        await using var host = await GatewayHost.StartAsync(name: "metrics-count");
        host.Generator.Answer = (_, sample) => new Script(sample == 0 ? ['a', 'b', FakeTokenizer.Eos] : ['a', 'b', 'c', 'd', 'e'], RangeLength: 1 + sample);
        await host.PostAsync("/v1/completions", """{"prompt":"Hi","n":2,"max_tokens":4}""");
        host.Generator.Answer = (_, _) => new Script(['a'], new SequenceEnd(FinishReason.Failed));
        await host.PostAsync("/v1/completions", """{"prompt":"Hi"}""");
        host.Generator.Answer = (_, _) => new Script([], new SequenceEnd(FinishReason.TimedOut));
        await host.PostAsync("/v1/completions", """{"prompt":"Hi"}""");

        var samples = Parse((await host.GetAsync("/metrics")).Body, "metrics-count");
        Assert.Equal(9, samples["vllm:prompt_tokens_total"]);
        Assert.Equal(8, samples["vllm:generation_tokens_total"]);
        Assert.Equal(
            [1, 1, 1, 1], GatewayMetrics.FinishedReasons.Select(reason => samples[$"vllm:request_success_total|{reason}"]));
        Assert.Equal(3, samples["vllm:time_to_first_token_seconds_count"]);
        Assert.Equal(5, samples["vllm:inter_token_latency_seconds_count"]);
        Assert.Equal(4, samples["vllm:e2e_request_latency_seconds_count"]);
        Assert.Equal(4, samples["vllm:request_max_num_generation_tokens_sum"]);
        Assert.Equal(4, samples["vllm:request_params_n_sum"]);
        foreach (var (name, bounds) in Histograms)
        {
            var found = samples.Keys.Where(key => key.StartsWith($"{name}_bucket|", StringComparison.Ordinal)).Select(key => key.Split('|')[1]);
            Assert.Equal([.. bounds.Select(bound => bound.ToString(CultureInfo.InvariantCulture)), "+Inf"], found);
        }
    }

    [Fact]
    public async Task The_text_is_strictly_well_formed_and_every_series_has_vllms_labels()
    {
        await using var host = await GatewayHost.StartAsync(name: "metrics-\"form\"\\");
        await host.PostAsync("/v1/completions", """{"prompt":"Hi"}""");
        var text = (await host.GetAsync("/metrics")).Body;
        var series = PrometheusText.Parse(text).Samples.Where(sample => sample.Name.StartsWith("vllm:", StringComparison.Ordinal)).ToList();
        Assert.Contains(series, sample => sample.Labels["model_name"] == "metrics-\"form\"\\");
        Assert.All(series, sample => Assert.Equal("0", sample.Labels["engine"]));
        Assert.All(series, sample => Assert.Empty(sample.Labels.Keys.Except(["model_name", "engine", "finished_reason", "le"])));
        Assert.DoesNotContain("otel_scope", text, StringComparison.Ordinal);
        Assert.DoesNotContain("vllm_", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a 1", "behind the TYPE")]
    [InlineData("# TYPE a counter\na 1", "_total")]
    [InlineData("# TYPE a gauge\na 1\na 1", "A series comes once")]
    [InlineData("# TYPE a gauge\na{b=\"c\",b=\"d\"} 1", "A label comes once")]
    [InlineData("# TYPE a gauge\na{b=c} 1", "No sample")]
    [InlineData("# TYPE a gauge\na x", "No sample")]
    [InlineData("# TYPE a gauge\na 1\n# TYPE b gauge\n# TYPE a gauge", "TYPE comes once")]
    [InlineData("# TYPE a histogram\na_bucket{le=\"1\"} 2\na_bucket{le=\"+Inf\"} 1\na_sum 1\na_count 1", "cumulative")]
    [InlineData("# TYPE a histogram\na_bucket{le=\"1\"} 1\na_sum 1\na_count 1", "+Inf")]
    [InlineData("# TYPE a histogram\na_bucket{le=\"+Inf\"} 2\na_sum 1\na_count 1", "is the count")]
    public void What_the_format_does_not_allow_is_found(string text, string rule) =>
        Assert.Contains(rule, Assert.Throws<FormatException>(() => PrometheusText.Parse(text + "\n")).Message, StringComparison.Ordinal);

    /// <summary>A model's samples by name, and by their bound or reason where they have one.</summary>
    private static Dictionary<string, double> Parse(string text, string model) => PrometheusText.Parse(text).Samples
        .Where(sample => sample.Labels.GetValueOrDefault("model_name") == model)
        .ToDictionary(sample => string.Join('|', [sample.Name, .. sample.Labels.Where(label => label.Key is "le" or "finished_reason").Select(label => label.Value)]), sample => sample.Value);
}
