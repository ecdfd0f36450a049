using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using OrleansLLM.Gateway.Tests.Support;

namespace OrleansLLM.Gateway.Tests;

/// <summary>
/// However often a stream is cut, and wherever, what a client has joined is what it would have got undisturbed, byte for byte. Choices come in any order
/// between one another, so each is compared by itself, and what follows them.
/// </summary>
public sealed partial class ResumePropertyTests
{
    private static readonly string[] Stops = ["a", "ST", "é", " hello", "world", "\n\n", "</s>", "q"];

    [Fact]
    public async Task A_stream_that_is_cut_behind_any_event_goes_on_to_the_same_whole()
    {
        await using var engine = await EngineHost.StartAsync();
        var random = new Random(1);
        for (var round = 0; round < 40; round++)
        {
            var (path, body) = AnyRequest(random);
            var whole = await engine.Host.PostAsync(path, body);
            Assert.True(whole.Status == 200, whole.Body);
            var events = SseEvent.ParseAll(whole.Body);
            Assert.All(events, item => Assert.NotNull(item.Id));
            Assert.All(events, item => Assert.StartsWith(whole.Headers["Orleansllm-Id"] + ":", item.Id, StringComparison.Ordinal));
            for (var cut = 0; cut <= events.Count; cut++)
            {
                var rest = await ResumeAsync(engine.Host, whole.Headers["Orleansllm-Id"], path, body, cut == 0 ? null : events[cut - 1].Id, random);
                AssertSame(events, [.. events.Take(cut), .. SseEvent.ParseAll(rest.Body).Skip(cut == events.Count ? 1 : 0)], body);
                if (cut < events.Count && IsSingle(events))
                {
                    Assert.Equal(whole.Body, string.Concat(events.Take(cut).Select(item => item.Text + "\n\n")) + rest.Body);
                }
            }
        }
    }

    [Fact]
    public async Task A_stream_that_is_cut_inside_events_several_times_goes_on_to_the_same_whole()
    {
        await using var engine = await EngineHost.StartAsync();
        var random = new Random(2);
        for (var round = 0; round < 60; round++)
        {
            var (path, body) = AnyRequest(random);
            var whole = await engine.Host.PostAsync(path, body);
            var joined = new List<SseEvent>();
            var text = whole.Body;
            while (joined.LastOrDefault()?.Data != "[DONE]")
            {
                joined.AddRange(SseEvent.ParseAll(text[..random.Next(text.Length + 1)]));
                text = (await ResumeAsync(engine.Host, whole.Headers["Orleansllm-Id"], path, body, joined.LastOrDefault()?.Id, random)).Body;
            }

            AssertSame(SseEvent.ParseAll(whole.Body), joined, body);
        }
    }

    [Fact]
    public async Task A_client_that_loses_its_connections_while_the_answer_is_made_gets_what_it_would_have_got()
    {
        await using var engine = await EngineHost.StartAsync();
        var (random, midway) = (new Random(3), 0);
        for (var round = 0; round < 40; round++)
        {
            var (path, body) = AnyRequest(random);
            var joined = new List<SseEvent>();
            string? id = null;
            using (var gate = new StepGate(engine.Model))
            {
                do
                {
                    using var request = Resumption(path, body, id, joined.LastOrDefault()?.Id, id is null || random.Next(2) == 0);
                    midway += joined.Count > 0 && engine.Load.Running > 0 ? 1 : 0;
                    using var stream = await LiveStream.OpenAsync(engine.Host, gate, request);
                    joined.AddRange(await stream.ReadAsync(random.Next(1, 12)));
                    id ??= stream.Id;
                }
                while (joined.LastOrDefault()?.Data != "[DONE]");
            }

            AssertSame(SseEvent.ParseAll((await engine.Host.GetAsync($"/v1/sequences/{id}/events")).Body), joined, body);
            var other = await engine.Host.PostAsync(path, body);
            AssertSame(Masked(SseEvent.ParseAll(other.Body), other.Headers["Orleansllm-Id"]), Masked(joined, id), body);
        }

        Assert.InRange(midway, 40, 1000);
    }

    [Fact]
    public async Task Each_choice_can_be_followed_alone_from_anywhere()
    {
        await using var engine = await EngineHost.StartAsync();
        var random = new Random(4);
        for (var round = 0; round < 20; round++)
        {
            var (path, body) = AnyRequest(random);
            var whole = await engine.Host.PostAsync(path, body);
            var (id, events) = (whole.Headers["Orleansllm-Id"], SseEvent.ParseAll(whole.Body));
            foreach (var choice in events.Select(ChoiceOf).OfType<int>().Distinct().ToList())
            {
                var cut = random.Next(events.Count);
                var had = events.Take(cut).Where(item => ChoiceOf(item) == choice).ToList();
                var after = cut == 0 ? "" : $"?after={events[cut - 1].Id}";
                var rest = SseEvent.ParseAll((await engine.Host.GetAsync($"/v1/sequences/{id}.{choice}/events{after}")).Body);
                var again = rest[random.Next(Math.Max(1, rest.Count - 1))];
                var end = SseEvent.ParseAll((await engine.Host.GetAsync($"/v1/sequences/{id}.{choice}/events", ("Last-Event-ID", again.Id!))).Body);
                Assert.Equal(rest.Count == 1 ? rest : rest.SkipWhile(item => item != again).Skip(1), end);
                Assert.Equal(
                    events.Where(item => ChoiceOf(item) == choice).Select(item => item.Data),
                    had.Concat(rest.Where(item => ChoiceOf(item) == choice)).Select(item => item.Data));
                Assert.Equal("[DONE]", rest[^1].Data);
            }
        }
    }

    private static bool IsSingle(IReadOnlyList<SseEvent> events) => events.Select(ChoiceOf).OfType<int>().Distinct().Count() == 1;

    private static void AssertSame(IReadOnlyList<SseEvent> expected, IReadOnlyList<SseEvent> joined, string body)
    {
        Assert.True(expected.Select(ChoiceOf).Distinct().ToHashSet().SetEquals(joined.Select(ChoiceOf)), body);
        foreach (var choice in expected.Select(ChoiceOf).Distinct())
        {
            Assert.Equal(
                expected.Where(item => ChoiceOf(item) == choice).Select(item => item.Data), joined.Where(item => ChoiceOf(item) == choice).Select(item => item.Data));
        }

        Assert.Equal((expected[^1].Id, "[DONE]"), (joined[^1].Id, joined[^1].Data));
    }

    /// <summary>Null for what comes behind the choices.</summary>
    private static int? ChoiceOf(SseEvent item) =>
        item.Data == "[DONE]" ? null : (int?)JsonNode.Parse(item.Data)!["choices"]!.AsArray().FirstOrDefault()?["index"];

    private static IReadOnlyList<SseEvent> Masked(IReadOnlyList<SseEvent> events, string id)
    {
        return [.. events.Select(item => item with { Id = Mask(item.Id!), Data = Mask(item.Data) })];

        string Mask(string text) => Varying().Replace(text.Replace(id, "ID", StringComparison.Ordinal), "\"$1\":0");
    }

    [GeneratedRegex("\"(created|cached_tokens)\":[0-9]+")]
    private static partial Regex Varying();

    private static async Task<Answer> ResumeAsync(GatewayHost host, string id, string path, string body, string? last, Random random)
    {
        using var request = Resumption(path, body, id, last, last is not null && random.Next(2) == 0);
        var answer = await host.SendAsync(request);
        Assert.True(answer.Status == 200, answer.Body);
        return answer;
    }

    private static HttpRequestMessage Resumption(string path, string body, string? id, string? last, bool byPost)
    {
        var request = byPost && (last is not null || id is null)
            ? new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent(body, Encoding.UTF8, "application/json") }
            : new HttpRequestMessage(HttpMethod.Get, $"/v1/sequences/{id}/events");
        request.Headers.Add("Orleansllm-Linger", "30");
        if (last is not null)
        {
            request.Headers.Add("Last-Event-ID", last);
        }

        return request;
    }

    private static (string Path, string Body) AnyRequest(Random random)
    {
        var isChat = random.Next(2) == 0;
        var body = new JsonObject
        {
            ["stream"] = true,
            ["seed"] = random.Next(),
            ["temperature"] = random.Next(2) == 0 ? 0 : 0.9,
            ["n"] = random.Next(1, 5),
            ["max_tokens"] = random.Next(1, 25),
            ["min_tokens"] = random.Next(2),
            ["stop"] = new JsonArray([.. Stops.Where(_ => random.Next(4) == 0).Select(stop => (JsonNode)stop)]),
            ["include_stop_str_in_output"] = random.Next(2) == 0,
            ["skip_special_tokens"] = random.Next(2) == 0,
            ["ignore_eos"] = random.Next(2) == 0,
            ["return_token_ids"] = random.Next(2) == 0,
            ["stop_token_ids"] = new JsonArray([.. Enumerable.Range(0, random.Next(3)).Select(_ => (JsonNode)random.Next(273))]),
            ["allowed_token_ids"] = random.Next(3) > 0 ? new JsonArray([.. new[] { 'a', 'q', 0xC3, 0xA9, 257, 261, 262, 266, 267, 272, 10 }.Select(id => (JsonNode)id)]) : null,
        };
        switch (random.Next(3))
        {
            case 0:
                body["stream_options"] = new JsonObject { ["include_usage"] = true };
                break;
            case 1:
                body["stream_options"] = new JsonObject { ["include_usage"] = true, ["continuous_usage_stats"] = true };
                break;
        }

        if (isChat)
        {
            body["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = "Hi, é" });
            body["logprobs"] = random.Next(2) == 0;
            return ("/v1/chat/completions", body.ToJsonString());
        }

        body["prompt"] = random.Next(3) switch
        {
            0 => "Hi",
            1 => new JsonArray("Hi, é", "one two", "😀"),
            _ => new JsonArray(1, 2, 0xC3),
        };
        body["logprobs"] = random.Next(2) == 0 ? random.Next(3) : null;
        body["echo"] = random.Next(2) == 0;
        return ("/v1/completions", body.ToJsonString());
    }
}
