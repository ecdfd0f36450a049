using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using OrleansLLM.Testing;

namespace OrleansLLM.Cli.Tests.Cluster;

/// <summary>What two gateways count together of requests that were read at both, or changed from one to the other.</summary>
public sealed class CountedOnceTests
{
    private const int Kill = 9;
    private const int AllTokens = (4 * 900) + (2 * 40);
    private const string Streamed = """{"prompt":"The climate of","max_tokens":900,"n":4,"temperature":1,"ignore_eos":true,"logprobs":1,"stream":true}""";
    private const string Whole = """{"prompt":"The climate of","max_tokens":40,"n":2,"temperature":1,"ignore_eos":true}""";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_request_that_is_read_at_two_gateways_or_changes_them_counts_once()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no such signals.");
        await using var silos = new SiloProcesses();
        var starts = new[] { silos.StartAsync("gateway", "g1"), silos.StartAsync("gateway", "g2"), silos.StartAsync("worker") };
        var (first, second) = (await starts[0], await starts[1]);
        await Task.WhenAll(first.Process.WaitForAsync(new("Serving atlas")), second.Process.WaitForAsync(new("Serving atlas")), starts[2]);

        var (id, last) = await BeginAsync(first, 20_000);
        await LeaveAsync(second, Events(id), 20_000);
        await Task.WhenAll(ReadAsync(second, Events(id)), ReadAsync(first, Events(id, last)), ReadAsync(second, Events($"{id}.2")));
        await Task.WhenAll(new[] { first, second }.SelectMany(server => new[] { ReadAsync(server, Events(id)), ReadAsync(server, Events(id, last)) }));
        var answers = await Task.WhenAll(new[] { first, second, first, second }.Select(server => ReadAsync(server, Post(Whole, ("Idempotency-Key", "one")))));
        Assert.Single(answers.Distinct());
        var prompt = (int)JsonNode.Parse(answers[0])!["usage"]!["prompt_tokens"]!;
        await UntilAsync(ends: 6, tokens: AllTokens, first, second);

        var both = await ScrapeAsync(first, second);
        Assert.Equal((6, 0, 0, 0), Ends(both));
        Assert.Equal(2 * prompt, both("vllm:prompt_tokens_total", null));
        Assert.Equal(AllTokens, both("vllm:generation_tokens_total", null));
        Assert.Equal((2, 6, 6), (both("vllm:request_params_n_count", null), both("vllm:request_generation_tokens_count", null), both("vllm:e2e_request_latency_seconds_count", null)));
        Assert.Equal(6, both("orleansllm_attempts_total", "first"));

        (id, last) = await BeginAsync(first, 20_000);
        var dead = await ScrapeAsync(first);
        first.Process.Signal(Kill);
        await first.Process.WaitAsync();
        await ReadAsync(second, Events(id, last));
        await ReadAsync(second, Events(id));
        var living = await ScrapeAsync(second);
        Assert.Equal((10, 0, 0, 0), Ends((name, label) => dead(name, label) + living(name, label)));
        Assert.Equal(3 * prompt, dead("vllm:prompt_tokens_total", null) + living("vllm:prompt_tokens_total", null));
        Assert.InRange(living("orleansllm_adoptions_total", null), 0, 4);
    }

    /// <summary>A client that leaves in the midst of a stream that lingers; its answer's id, and the last event's.</summary>
    private static async Task<(string Id, string Last)> BeginAsync(RunningServer server, int bytes)
    {
        var (id, had) = await LeaveAsync(server, Post(Streamed, ("Orleansllm-Linger", "60")), bytes);
        return (id, had.Split('\n')[..^1].Last(line => line.StartsWith("id: ", StringComparison.Ordinal))["id: ".Length..]);
    }

    private static async Task<(string Id, string Had)> LeaveAsync(RunningServer server, HttpRequestMessage request, int bytes)
    {
        using var response = await server.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancellation);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        await using var stream = await response.Content.ReadAsStreamAsync(Cancellation);
        var had = new byte[bytes];
        await stream.ReadExactlyAsync(had, Cancellation);
        return (response.Headers.GetValues("Orleansllm-Id").Single(), Encoding.UTF8.GetString(had));
    }

    /// <summary>To the end of the answer, which may still be on its way to that gateway.</summary>
    private static async Task<string> ReadAsync(RunningServer server, HttpRequestMessage request)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        patience.CancelAfter(Patience);
        using var response = await server.Http.SendAsync(request, patience.Token);
        var text = await response.Content.ReadAsStringAsync(patience.Token);
        Assert.True(response.IsSuccessStatusCode, text);
        return text;
    }

    private static HttpRequestMessage Events(string id, string? last = null) =>
        new(HttpMethod.Get, $"v1/sequences/{id}/events{(last is null ? "" : $"?after={Uri.EscapeDataString(last)}")}");

    private static HttpRequestMessage Post(string body, (string Name, string Value) header) => new(HttpMethod.Post, "v1/completions")
    {
        Headers = { { header.Name, header.Value } },
        Content = new StringContent(body, Encoding.UTF8, "application/json"),
    };

    /// <summary>Until the clients that left were noticed.</summary>
    private static async Task UntilAsync(int ends, int tokens, params RunningServer[] servers)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        patience.CancelAfter(Patience);
        while (await ScrapeAsync(servers) is var now && (now("vllm:request_success_total", "length") < ends || now("vllm:generation_tokens_total", null) < tokens))
        {
            await Task.Delay(50, patience.Token);
        }
    }

    private static (double Length, double Stop, double Abort, double Error) Ends(Func<string, string?, double> metrics) => (
        metrics("vllm:request_success_total", "length"), metrics("vllm:request_success_total", "stop"), metrics("vllm:request_success_total", "abort"),
        metrics("vllm:request_success_total", "error"));

    /// <summary>The sum of a name's series at all of them, or of those with a label of that value.</summary>
    private static async Task<Func<string, string?, double>> ScrapeAsync(params RunningServer[] servers)
    {
        var texts = await Task.WhenAll(servers.Select(server => server.Http.GetStringAsync("metrics", Cancellation)));
        var samples = texts.SelectMany(text => PrometheusText.Parse(text).Samples).ToList();
        return (name, label) => samples
            .Where(sample => sample.Name == name && (label is null || sample.Labels.Values.Contains(label))).Sum(sample => sample.Value);
    }
}
