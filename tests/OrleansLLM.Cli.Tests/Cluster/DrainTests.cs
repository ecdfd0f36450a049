using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using OrleansLLM.Testing;

namespace OrleansLLM.Cli.Tests.Cluster;

/// <summary>A worker is taken out of a cluster of processes by HTTP.</summary>
public sealed class DrainTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_worker_that_is_drained_under_load_loses_nothing_and_ends_with_0()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no such signals.");
        await using var silos = new SiloProcesses();
        var starts = new[] { silos.StartAsync("gateway", "gateway", "--admin-key", "admin"), silos.StartAsync("worker", "w1"), silos.StartAsync("worker", "w2") };
        var (gateway, workers) = (await starts[0], new Dictionary<string, RunningServer> { ["w1"] = await starts[1], ["w2"] = await starts[2] });
        await gateway.Process.WaitForAsync(new("Serving atlas"));
        await UntilAsync(gateway, cluster => cluster.All(worker => (string?)worker!["phase"] == "ready") && cluster.Count == 2);
        var expected = await Task.WhenAll(Enumerable.Range(0, 6).Select(seed => AnswerAsync(gateway, seed)));

        await UntilAsync(gateway, cluster => cluster.All(worker => (int)worker!["load"]!["running"]! == 0));
        var running = Enumerable.Range(0, 6).Select(seed => AnswerAsync(gateway, seed)).ToList();
        var loaded = "";
        await UntilAsync(gateway, cluster => (loaded = NameOf(cluster.FirstOrDefault(worker => (int)worker!["load"]!["running"]! > 1))).Length > 0);
        Assert.Equal(HttpStatusCode.Unauthorized, (await DrainAsync(gateway, loaded, "sk-other")).Status);
        var (status, worker) = await DrainAsync(gateway, $"{loaded}%2F0", "admin");
        Assert.Equal((HttpStatusCode.OK, "draining"), (status, (string?)worker["phase"]));
        Assert.Contains((await DrainAsync(gateway, loaded, "admin")).Status, new[] { HttpStatusCode.OK, HttpStatusCode.NotFound, HttpStatusCode.ServiceUnavailable });

        Assert.Equal(0, (await workers[loaded].Process.WaitAsync()).Code);
        Assert.Equal(expected, await Task.WhenAll(running));
        var metrics = PrometheusText.Parse(await gateway.Http.GetStringAsync("metrics", Cancellation));
        Assert.InRange(metrics.Samples.Where(sample => sample.Name == "orleansllm_attempts_total" && sample.Labels["cause"] == "drained").Sum(sample => sample.Value), 1, 18);
        Assert.Equal(36, metrics.Value("vllm:request_success_total", ("finished_reason", "length")));
        await UntilAsync(gateway, cluster => cluster.Count == 1);
        Assert.Equal(HttpStatusCode.NotFound, (await DrainAsync(gateway, loaded, "admin")).Status);
    }

    [Fact]
    public async Task Where_only_another_kind_of_engine_can_go_on_the_stream_says_so_and_says_it_again()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no such signals.");
        await using var silos = new SiloProcesses();
        var starts = new[]
        {
            silos.StartAsync("gateway", "gateway", "--admin-key", "admin"), silos.StartAsync("worker", "w1"), silos.StartAsync("worker", "w2", "--kv-cache-dtype", "float32"),
        };
        var gateway = await starts[0];
        await Task.WhenAll(starts);
        await gateway.Process.WaitForAsync(new("Serving atlas"));
        await UntilAsync(gateway, cluster => cluster.Count(worker => (string?)worker!["phase"] == "ready") == 2);
        var stream = StreamAsync(gateway, seed: 1);
        var holder = "";
        await UntilAsync(gateway, cluster => (holder = NameOf(cluster.FirstOrDefault(worker => (int)worker!["load"]!["running"]! == 3))).Length > 0);
        await DrainAsync(gateway, holder, "admin");

        var (id, events) = await stream;
        var shown = Choices(events).Select(choice => string.Join(' ', choice.Select(item => item.Fingerprint).OfType<string>().Distinct())).ToList();
        Assert.Equal(3, shown.Count);
        Assert.Matches("^fp_[0-9a-f]{10} fp_[0-9a-f]{10}$", Assert.Single(shown.Distinct()));
        Assert.Equal(
            Choices(events).Select(choice => string.Concat(choice)), Choices(await gateway.Http.GetStringAsync($"v1/sequences/{id}/events", Cancellation)).Select(choice => string.Concat(choice)));
    }

    [Fact]
    public async Task Where_nobody_can_go_on_a_worker_ends_what_it_has_though_a_signal_comes_too()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no such signals.");
        await using var silos = new SiloProcesses();
        var starts = new[] { silos.StartAsync("gateway", "gateway", "--admin-key", "admin"), silos.StartAsync("worker") };
        var (gateway, worker) = (await starts[0], await starts[1]);
        await gateway.Process.WaitForAsync(new("Serving atlas"));
        await UntilAsync(gateway, cluster => cluster.Any(known => (string?)known!["phase"] == "ready"));
        var stream = StreamAsync(gateway, seed: 1);
        await UntilAsync(gateway, cluster => (int)cluster[0]!["load"]!["running"]! == 3);
        await DrainAsync(gateway, "worker", "admin");
        Assert.False(stream.IsCompleted);
        worker.Process.Terminate();
        using var refused = await gateway.Http.PostAsJsonAsync("v1/completions", new JsonObject { ["prompt"] = "x" }, Cancellation);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);

        Assert.All(Choices((await stream).Events), choice => Assert.Equal("length", choice[^1].Reason));
        Assert.Equal(0, (await worker.Process.WaitAsync()).Code);
    }

    /// <summary>The three choices of a stream, with their reasons to end.</summary>
    private static async Task<string> AnswerAsync(RunningServer server, int seed) => string.Join(
        '\n', Choices((await StreamAsync(server, seed)).Events).Select(choice => string.Concat(choice.Select(item => $"{item.Text}{item.Reason}"))));

    private static async Task<(string Id, string Events)> StreamAsync(RunningServer server, int seed)
    {
        var body = new JsonObject
        {
            ["prompt"] = "The climate of", ["max_tokens"] = 1900, ["n"] = 3, ["seed"] = seed, ["temperature"] = 1, ["ignore_eos"] = true, ["stream"] = true,
        };
        using var response = await server.Http.PostAsJsonAsync("v1/completions", body, Cancellation);
        var events = await response.Content.ReadAsStringAsync(Cancellation);
        Assert.EndsWith("data: [DONE]\n\n", events, StringComparison.Ordinal);
        return (response.Headers.GetValues("Orleansllm-Id").Single(), events);
    }

    private static List<List<(string? Text, string? Reason, string? Fingerprint)>> Choices(string events) => [.. events.Split('\n')
        .Where(line => line.StartsWith("data: {", StringComparison.Ordinal))
        .Select(line => JsonNode.Parse(line["data: ".Length..])!)
        .GroupBy(chunk => (int)chunk["choices"]![0]!["index"]!).OrderBy(choice => choice.Key)
        .Select(choice => choice.Select(chunk => ((string?)chunk["choices"]![0]!["text"], (string?)chunk["choices"]![0]!["finish_reason"], (string?)chunk["system_fingerprint"])).ToList())];

    private static async Task<(HttpStatusCode Status, JsonNode Answer)> DrainAsync(RunningServer gateway, string worker, string key)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"v1/cluster/workers/{worker}/drain") { Headers = { { "Authorization", $"Bearer {key}" } } };
        using var response = await gateway.Http.SendAsync(request, Cancellation);
        return (response.StatusCode, JsonNode.Parse(await response.Content.ReadAsStringAsync(Cancellation))!);
    }

    private static string NameOf(JsonNode? worker) => ((string?)worker?["id"] ?? "").Split('/')[0];

    private static async Task UntilAsync(RunningServer gateway, Func<JsonArray, bool> holds)
    {
        var limit = Stopwatch.StartNew();
        while (!holds(JsonNode.Parse(await gateway.Http.GetStringAsync("v1/cluster", Cancellation))!["workers"]!.AsArray()))
        {
            Assert.True(limit.Elapsed < TimeSpan.FromSeconds(30), "The cluster is not so in time.");
        }
    }
}
