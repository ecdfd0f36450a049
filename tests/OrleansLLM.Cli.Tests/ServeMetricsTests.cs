using System.Net.Http.Json;
using System.Text.Json.Nodes;
using OrleansLLM.Testing;

namespace OrleansLLM.Cli.Tests;

/// <summary>What /metrics of the whole program says right after traffic whose every token is known.</summary>
public sealed class ServeMetricsTests
{
    private const int PromptTokens = 40;
    private const int OutputTokens = 400;
    private const int Requests = 4;

    private static readonly string[] Reasons = ["stop", "length", "abort", "error"];

    private static readonly string[] Counters =
    [
        "vllm:prompt_tokens_total", "vllm:generation_tokens_total", "vllm:prefix_cache_queries_total", "vllm:prefix_cache_hits_total",
        "vllm:num_preemptions_total",
    ];

    private static readonly string[] Gauges = ["vllm:num_requests_running", "vllm:num_requests_waiting", "vllm:kv_cache_usage_perc"];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Figures_are_those_of_the_traffic_and_nothing_stays_behind()
    {
        // 42 blocks of 16 slots: four requests of 440 tokens push each other out.
        await using var server = await RunningServer.StartReadyAsync(
            ReferenceData.Atlas, "--kv-cache-memory-bytes", "1MiB", "--max-model-len", "512");
        var metrics = await ScrapeAsync(server);
        Assert.All([.. Counters, .. Gauges], name => Assert.Equal(0, metrics.Value(name)));
        Assert.All(Reasons, reason => Assert.Equal(0, Finished(metrics, reason)));

        await Task.WhenAll(Enumerable.Range(0, Requests).Select(index => server.PostAsync("v1/completions", Body(100 * index, OutputTokens))));
        metrics = await ScrapeAsync(server);
        Assert.Equal(Requests * PromptTokens, metrics.Value("vllm:prompt_tokens_total"));
        Assert.Equal(Requests * OutputTokens, metrics.Value("vllm:generation_tokens_total"));
        Assert.Equal([0, Requests, 0, 0], Reasons.Select(reason => Finished(metrics, reason)));
        Assert.Equal(Requests, metrics.Value("vllm:time_to_first_token_seconds_count"));
        Assert.Equal(Requests * (OutputTokens - 1), metrics.Value("vllm:inter_token_latency_seconds_count"));
        Assert.Equal(Requests, metrics.Value("vllm:e2e_request_latency_seconds_count"));
        Assert.NotEqual(0, metrics.Value("vllm:num_preemptions_total"));
        await UntilAsync(server, now => Gauges.All(name => now.Value(name) == 0));

        var before = await ScrapeAsync(server);
        var cold = await server.PostAsync("v1/completions", Body(1000, 1));
        var warm = await server.PostAsync("v1/completions", Body(1000, 1));
        metrics = await ScrapeAsync(server);
        Assert.Equal((0, 32), (Cached(cold), Cached(warm)));
        Assert.Equal(32, metrics.Value("vllm:prefix_cache_hits_total") - before.Value("vllm:prefix_cache_hits_total"));
        Assert.Equal(2 * PromptTokens, metrics.Value("vllm:prefix_cache_queries_total") - before.Value("vllm:prefix_cache_queries_total"));
    }

    [Fact]
    public async Task A_client_that_leaves_frees_its_blocks_and_its_prefix_stays_cached()
    {
        await using var server = await RunningServer.StartReadyAsync(ReferenceData.Atlas);
        var body = Body(0, 1900);
        body["stream"] = true;
        using (var request = new HttpRequestMessage(HttpMethod.Post, "v1/completions") { Content = JsonContent.Create(body) })
        using (var response = await server.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancellation))
        {
            using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(Cancellation));
            Assert.StartsWith("id: ", await reader.ReadLineAsync(Cancellation), StringComparison.Ordinal);
            Assert.NotEqual(0, (await ScrapeAsync(server)).Value("vllm:kv_cache_usage_perc"));
        }

        await UntilAsync(server, now => Finished(now, "abort") == 1 && Gauges.All(name => now.Value(name) == 0));
        Assert.InRange((await ScrapeAsync(server)).Value("vllm:generation_tokens_total"), 1, 1899);
        Assert.Equal(32, Cached(await server.PostAsync("v1/completions", Body(0, 1))));
    }

    private static JsonObject Body(int firstId, int maxTokens) => new()
    {
        ["prompt"] = new JsonArray([.. Enumerable.Range(firstId, PromptTokens).Select(id => (JsonNode)(300 + (id % 1200)))]),
        ["max_tokens"] = maxTokens,
        ["ignore_eos"] = true,
    };

    private static double Finished(PrometheusText metrics, string reason) =>
        metrics.Value("vllm:request_success_total", ("finished_reason", reason));

    private static int Cached(JsonNode answer) => (int)answer["usage"]!["prompt_tokens_details"]!["cached_tokens"]!;

    private static async Task<PrometheusText> ScrapeAsync(RunningServer server) =>
        PrometheusText.Parse(await server.Http.GetStringAsync("metrics", Cancellation));

    /// <summary>The engine publishes what a step left behind after the answer's last token.</summary>
    private static async Task UntilAsync(RunningServer server, Func<PrometheusText, bool> holds)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        limit.CancelAfter(TimeSpan.FromSeconds(20));
        while (!holds(await ScrapeAsync(server)))
        {
            limit.Token.ThrowIfCancellationRequested();
        }
    }
}
