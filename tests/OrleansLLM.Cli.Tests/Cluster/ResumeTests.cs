using System.Net;
using System.Text;
using System.Text.Json.Nodes;

namespace OrleansLLM.Cli.Tests.Cluster;

/// <summary>Clients that go on with their streams, over processes of a cluster.</summary>
public sealed class ResumeTests
{
    private const int Kill = 9;
    private const string Body = """{"prompt":"The climate of","max_tokens":1500,"n":4,"temperature":1,"ignore_eos":true,"logprobs":1,"stream":true}""";

    private const int Streams = 6;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_stream_goes_on_where_it_was_cut_and_where_its_gateway_was_killed()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no such signals.");
        await using var silos = new SiloProcesses();
        var starts = new[] { silos.StartAsync("gateway", "g1", "--api-key", "sk-a", "sk-b"), silos.StartAsync("gateway", "g2", "--api-key", "sk-c", "sk-a"), silos.StartAsync("worker") };
        var (first, second) = (await starts[0], await starts[1]);
        await Task.WhenAll(first.Process.WaitForAsync(new("Serving atlas")), second.Process.WaitForAsync(new("Serving atlas")), starts[2]);

        var (id, begun) = await ReadAsync(first, Request(HttpMethod.Post, "v1/completions", Body), 100_000);
        var (_, more) = await ReadAsync(first, Request(HttpMethod.Post, "v1/completions", Body, LastId(begun)), 100_000);
        first.Process.Signal(Kill);
        await first.Process.WaitAsync();
        var rest = await ResumeAsync(second, id, LastId(begun + more));
        var whole = await ResumeAsync(second, id, null);

        Assert.EndsWith("data: [DONE]\n\n", rest, StringComparison.Ordinal);
        Assert.All(Enumerable.Range(0, 4), choice => Assert.Contains("\"length\"", Choice(whole, choice)[^1], StringComparison.Ordinal));
        Assert.All(Enumerable.Range(0, 4), choice => Assert.Equal(Choice(whole, choice), Choice(begun + more + rest, choice)));
    }

    [Fact]
    public async Task Every_stream_of_a_process_that_is_gateway_and_worker_goes_on_at_another_when_it_is_killed()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no such signals.");
        await using var silos = new SiloProcesses();
        var starts = new[] { silos.StartAsync("all", "a1", "--api-key", "sk-a"), silos.StartAsync("all", "a2", "--api-key", "sk-a") };
        var (first, second) = (await starts[0], await starts[1]);
        await UntilAsync(first, cluster => Workers(cluster).Count(worker => (string?)worker["phase"] == "ready") == 2);

        var begun = new List<(string Id, string Events)>();
        for (var stream = 0; stream < Streams; stream++)
        {
            begun.Add(await ReadAsync(first, Request(HttpMethod.Post, "v1/completions", Body), 10_000));
        }

        await UntilAsync(first, cluster => (int?)cluster["sequences"]!["live"] == (int?)cluster["sequences"]!["two_copies"]);
        await UntilAsync(first, cluster => Workers(cluster).All(worker => (int?)worker["load"]!["running"] > 0));
        first.Process.Signal(Kill);
        await first.Process.WaitAsync();

        foreach (var (id, events) in begun)
        {
            var rest = await ResumeAsync(second, id, LastId(events));
            var whole = await ResumeAsync(second, id, null);
            Assert.EndsWith("data: [DONE]\n\n", rest, StringComparison.Ordinal);
            Assert.All(Enumerable.Range(0, 4), choice => Assert.Contains("\"length\"", Choice(whole, choice)[^1], StringComparison.Ordinal));
            Assert.All(Enumerable.Range(0, 4), choice => Assert.Equal(Choice(whole, choice), Choice(events + rest, choice)));
        }
    }

    private static IEnumerable<JsonNode> Workers(JsonNode cluster) => cluster["workers"]!.AsArray()!;

    private static async Task UntilAsync(RunningServer server, Predicate<JsonNode> condition)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        patience.CancelAfter(Patience);
        while (true)
        {
            using var response = await server.Http.SendAsync(Request(HttpMethod.Get, "v1/cluster", null), patience.Token);
            if (condition(JsonNode.Parse(await response.Content.ReadAsStringAsync(patience.Token))!))
            {
                return;
            }

            await Task.Delay(100, patience.Token);
        }
    }

    /// <summary>Whole events of about so many bytes, and then the connection breaks.</summary>
    private static async Task<(string Id, string Events)> ReadAsync(RunningServer server, HttpRequestMessage request, int bytes)
    {
        using var response = await server.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancellation);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        await using var stream = await response.Content.ReadAsStreamAsync(Cancellation);
        var had = new byte[bytes];
        await stream.ReadExactlyAsync(had, Cancellation);
        var text = Encoding.UTF8.GetString(had);
        return (response.Headers.GetValues("Orleansllm-Id").Single(), text[..(text.LastIndexOf("\n\n", StringComparison.Ordinal) + 2)]);
    }

    /// <summary>Asks until the answer is known there, and reads to its end.</summary>
    private static async Task<string> ResumeAsync(RunningServer server, string id, string? last)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        patience.CancelAfter(Patience);
        while (true)
        {
            using var response = await server.Http.SendAsync(Request(HttpMethod.Get, $"v1/sequences/{id}/events", null, last), patience.Token);
            if (response.StatusCode == HttpStatusCode.OK)
            {
                return await response.Content.ReadAsStringAsync(patience.Token);
            }

            Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
            await Task.Delay(100, patience.Token);
        }
    }

    private static HttpRequestMessage Request(HttpMethod method, string path, string? body, string? last = null)
    {
        var request = new HttpRequestMessage(method, path)
        {
            Headers = { { "Authorization", "Bearer sk-a" }, { "Orleansllm-Linger", "60" } },
            Content = body is null ? null : new StringContent(body, Encoding.UTF8, "application/json"),
        };
        if (last is not null)
        {
            request.Headers.Add("Last-Event-ID", last);
        }

        return request;
    }

    private static string LastId(string events) => events.Split('\n').Last(line => line.StartsWith("id: ", StringComparison.Ordinal))["id: ".Length..];

    private static List<string> Choice(string events, int choice) => [.. events.Split('\n')
        .Where(line => line.StartsWith("data: {", StringComparison.Ordinal))
        .Where(line => (int?)JsonNode.Parse(line["data: ".Length..])!["choices"]![0]!["index"] == choice)];
}
