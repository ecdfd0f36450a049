using System.Globalization;
using System.Text.RegularExpressions;
using OrleansLLM.Gateway.Metrics;
using OrleansLLM.Gateway.Tests.Support;

namespace OrleansLLM.Gateway.Tests;

/// <summary>What a scraper reads. A meter is the process's, so each test has a model of its own.</summary>
public sealed partial class MetricsTests
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
        host.Generator.Answer = (_, sample) => new Script(sample == 0 ? ['a', 'b', FakeTokenizer.Eos] : ['a', 'b', 'c', 'd', 'e']);
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
        await using var host = await GatewayHost.StartAsync(name: "metrics-form");
        await host.PostAsync("/v1/completions", """{"prompt":"Hi"}""");
        var text = (await host.GetAsync("/metrics")).Body;
        var types = new Dictionary<string, string>();
        var seen = new HashSet<string>();
        foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(line => line != "# EOF"))
        {
            if (Comment().Match(line) is { Success: true } comment)
            {
                Assert.True(comment.Groups[1].Value != "TYPE" || types.TryAdd(comment.Groups[2].Value, comment.Groups[3].Value), line);
                continue;
            }

            var sample = Sample().Match(line);
            Assert.True(sample.Success, line);
            Assert.True(seen.Add($"{sample.Groups[1].Value}{sample.Groups[2].Value}"), line);
            var family = Suffix().Replace(sample.Groups[1].Value, "");
            Assert.True(types.ContainsKey(family) || types.ContainsKey(sample.Groups[1].Value), line);
            if (sample.Groups[1].Value.StartsWith("vllm:", StringComparison.Ordinal))
            {
                Assert.Contains("model_name=\"", sample.Groups[2].Value, StringComparison.Ordinal);
                Assert.Contains("engine=\"0\"", sample.Groups[2].Value, StringComparison.Ordinal);
            }
        }

        Assert.DoesNotContain("otel_scope", text, StringComparison.Ordinal);
        Assert.DoesNotContain("vllm_", text, StringComparison.Ordinal);
    }

    /// <summary>A model's samples by name, and by their bound or reason where they have one.</summary>
    private static Dictionary<string, double> Parse(string text, string model)
    {
        var samples = new Dictionary<string, double>();
        foreach (var match in text.Split('\n').Select(line => Sample().Match(line)).Where(match => match.Success && match.Groups[2].Value.Contains($"model_name=\"{model}\"", StringComparison.Ordinal)))
        {
            var detail = Detail().Match(match.Groups[2].Value);
            var key = detail.Success ? $"{match.Groups[1].Value}|{detail.Groups[1].Value}" : match.Groups[1].Value;
            samples.Add(key, double.Parse(match.Groups[3].Value, CultureInfo.InvariantCulture));
        }

        return samples;
    }

    [GeneratedRegex("^# (TYPE|HELP|UNIT) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$")]
    private static partial Regex Comment();

    [GeneratedRegex("^([a-zA-Z_:][a-zA-Z0-9_:]*)(\\{(?:[a-zA-Z_][a-zA-Z0-9_]*=\"[^\"\\\\]*\",?)*\\})? ([-+0-9.eEInfNa]+)( [0-9]+)?$")]
    private static partial Regex Sample();

    [GeneratedRegex("(?:le|finished_reason)=\"([^\"]*)\"")]
    private static partial Regex Detail();

    [GeneratedRegex("_(bucket|sum|count|total)$")]
    private static partial Regex Suffix();
}
