using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Time.Testing;
using OrleansLLM.Gateway.Tests.Support;

namespace OrleansLLM.Gateway.Tests;

/// <summary>A stream's pieces, put together, are the whole answer.</summary>
public sealed class StreamingTests(SharedHost shared) : IClassFixture<SharedHost>
{
    private static readonly string[] Stops = ["END", "STOP", "é", " hello wor", "ab", "\n\n", "</s>"];

    private readonly GatewayHost _host = shared.Host;

    [Theory]
    [InlineData("/v1/completions", "\"prompt\":\"Hi\"")]
    [InlineData("/v1/chat/completions", "\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]")]
    public async Task Streamed_and_whole_answers_agree(string path, string prompt)
    {
        var random = new Random(7);
        for (var round = 0; round < 60; round++)
        {
            Script(random);
            var body = new JsonObject
            {
                ["n"] = random.Next(1, 4),
                ["stop"] = new JsonArray([.. Stops.Where(_ => random.Next(4) == 0).Select(stop => (JsonNode)stop)]),
                ["include_stop_str_in_output"] = random.Next(2) == 0,
                ["skip_special_tokens"] = random.Next(2) == 0,
                ["ignore_eos"] = random.Next(2) == 0,
                ["min_tokens"] = random.Next(3),
                ["max_tokens"] = random.Next(3, 40),
                ["return_token_ids"] = true,
            };
            var isChat = path.Contains("chat", StringComparison.Ordinal);
            body["logprobs"] = isChat ? true : random.Next(3);
            if (!isChat)
            {
                body["echo"] = random.Next(2) == 0;
            }

            var json = $"{body.ToJsonString()[..^1]},{prompt}";
            var whole = await _host.PostAsync(path, json + "}");
            var streamed = await _host.PostAsync(path, json + ",\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
            Assert.Equal(whole.Json["choices"]!.AsArray().Select(Signature), Gather(streamed.Chunks).Select(Signature));
            Assert.Equal(whole.Json["usage"]!.ToJsonString(), streamed.Chunks[^1]["usage"]!.ToJsonString());
        }
    }

    [Fact]
    public async Task No_chunk_ever_holds_half_a_character_or_a_piece_of_a_stop_string()
    {
        _host.Generator.Answer = (_, _) => new Script([.. Encoding.UTF8.GetBytes("aé😀bEN-ENDx").Select(value => (int)value)]);
        var answer = await _host.PostAsync("/v1/completions", """{"prompt":"Hi","stop":"END","stream":true,"max_tokens":50}""");
        Assert.Equal(["a", "é", "😀", "b", "EN-", ""], answer.Chunks.Select(chunk => (string?)chunk["choices"]![0]!["text"]));
    }

    [Fact]
    public async Task Tokens_of_one_range_arrive_together()
    {
        var gate = new TaskCompletionSource();
        _host.Generator.Answer = (_, _) => new Script(new FakeTokenizer().Ids("abcd"), RangeLength: 3, Gate: (i, _) => i == 0 ? Task.CompletedTask : gate.Task);
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/completions")
        {
            Content = new StringContent("""{"prompt":"Hi","stream":true}""", Encoding.UTF8, "application/json"),
        };
        using var response = await _host.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        await using var stream = await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken);
        var buffer = new byte[4096];
        var read = await stream.ReadAsync(buffer, TestContext.Current.CancellationToken);
        Assert.Equal(3, Encoding.UTF8.GetString(buffer, 0, read).Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Length);
        gate.SetResult();
    }

    [Theory]
    [InlineData(FinishReason.TimedOut, "timeout", null)]
    [InlineData(FinishReason.QueueTimedOut, "unavailable", 3)]
    [InlineData(FinishReason.ShutDown, "unavailable", 3)]
    [InlineData(FinishReason.Failed, null, null)]
    public async Task An_error_behind_acceptance_is_an_event_whether_a_token_came_or_not(FinishReason reason, string? code, int? retryAfter)
    {
        await using var host = await GatewayHost.StartAsync(new() { RetryAfter = TimeSpan.FromSeconds(2.5) });
        foreach (var tokens in new[] { "", "a" })
        {
            host.Generator.Answer = (_, _) => new Script(new FakeTokenizer().Ids(tokens), new SequenceEnd(reason));
            var answer = await host.PostAsync("/v1/completions", """{"prompt":"Hi","stream":true}""");
            Assert.Equal(200, answer.Status);
            Assert.Equal(tokens.Length + 1, answer.Events.Count);
            var error = answer.Chunks[^1]["error"]!.AsObject();
            Assert.Equal((code, retryAfter), ((string?)error["code"], (int?)error["retry_after"]));
            Assert.Equal(answer.Headers["X-Request-Id"], (string?)error["request_id"]);
            Assert.Equal(retryAfter is not null, error.ContainsKey("retry_after"));
        }

        var whole = await host.PostAsync("/v1/completions", """{"prompt":"Hi"}""");
        Assert.Equal(
            (reason switch { FinishReason.TimedOut => 408, FinishReason.Failed => 500, _ => 503 }, retryAfter),
            (whole.Status, (int?)whole.Error("retry_after")));
    }

    [Fact]
    public async Task The_log_tells_how_a_stream_failed()
    {
        await using var host = await GatewayHost.StartAsync();
        host.Generator.Answer = (_, _) => new Script([], new SequenceEnd(FinishReason.QueueTimedOut));
        await host.PostAsync("/v1/completions", """{"prompt":"Hi","stream":true}""");
        await host.GetAsync("/version");
        Assert.Contains(host.Log.Lines, line => line.Contains("POST /v1/completions 503", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("/v1/completions", "\"prompt\":\"Hi\"")]
    [InlineData("/v1/chat/completions", "\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]")]
    public async Task Headers_go_out_with_acceptance_and_not_before(string path, string prompt)
    {
        await using var host = await GatewayHost.StartAsync();
        var (accept, first) = (new TaskCompletionSource(), new TaskCompletionSource());
        var isAccepted = false;
        host.Generator.Admit = async (_, _) =>
        {
            await accept.Task;
            isAccepted = true;
            return null;
        };
        host.Generator.Answer = (_, _) => new Script(['a'], Gate: (_, _) => first.Task);
        var sent = SendAsync(host, path, $$"""{{{prompt}},"stream":true}""");
        accept.SetResult();
        using var response = await sent;
        Assert.True(isAccepted);
        Assert.Equal((200, "text/event-stream"), ((int)response.StatusCode, response.Content.Headers.ContentType!.MediaType));
        first.SetResult();
        Assert.EndsWith("data: [DONE]\n\n", await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public async Task After_every_silence_of_ten_seconds_a_comment_comes()
    {
        var time = new FakeTimeProvider();
        await using var host = await GatewayHost.StartAsync(time: time);
        var gates = Enumerable.Range(0, 3).Select(_ => new TaskCompletionSource()).ToList();
        host.Generator.Answer = (_, _) => new Script(new FakeTokenizer().Ids("ab"), Gate: (i, _) => gates[i].Task);
        using var response = await SendAsync(host, "/v1/completions", """{"prompt":"Hi","stream":true}""");
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));

        time.Advance(TimeSpan.FromSeconds(10));
        Assert.StartsWith(":", await NextAsync(reader), StringComparison.Ordinal);
        time.Advance(TimeSpan.FromSeconds(10));
        Assert.StartsWith(":", await NextAsync(reader), StringComparison.Ordinal);
        time.Advance(TimeSpan.FromSeconds(9));
        gates[0].SetResult();
        Assert.Contains("\"a\"", await NextAsync(reader), StringComparison.Ordinal);
        time.Advance(TimeSpan.FromSeconds(9)); // 18 s behind the last comment, 9 s behind the token
        gates[1].SetResult();
        Assert.Contains("\"b\"", await NextAsync(reader), StringComparison.Ordinal);
        time.Advance(TimeSpan.FromSeconds(10));
        Assert.StartsWith(":", await NextAsync(reader), StringComparison.Ordinal);
        gates[2].SetResult();
        Assert.Contains("\"length\"", await NextAsync(reader), StringComparison.Ordinal);
        Assert.Equal("data: [DONE]", await NextAsync(reader));
        Assert.Equal("", await reader.ReadToEndAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Silence_may_be_longer_or_never_be_broken()
    {
        foreach (var (keepAlive, comments) in new[] { (TimeSpan.FromMinutes(1), 1), (TimeSpan.Zero, 0) })
        {
            var time = new FakeTimeProvider();
            await using var host = await GatewayHost.StartAsync(new() { SseKeepAlive = keepAlive }, time: time);
            var gate = new TaskCompletionSource();
            host.Generator.Answer = (_, _) => new Script(['a'], Gate: (_, _) => gate.Task);
            using var response = await SendAsync(host, "/v1/completions", """{"prompt":"Hi","stream":true}""");
            time.Advance(TimeSpan.FromSeconds(59));
            time.Advance(TimeSpan.FromSeconds(1));
            time.Advance(TimeSpan.FromSeconds(59));
            gate.SetResult();
            var body = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
            Assert.Equal(comments, body.Split("\n\n").Count(part => part.StartsWith(':')));
        }
    }

    private static async Task<HttpResponseMessage> SendAsync(GatewayHost host, string path, string body)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        return await host.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
    }

    private static async Task<string?> NextAsync(StreamReader reader)
    {
        var line = await reader.ReadLineAsync(TestContext.Current.CancellationToken);
        if (line?.StartsWith("id: ", StringComparison.Ordinal) == true)
        {
            line = await reader.ReadLineAsync(TestContext.Current.CancellationToken);
        }

        Assert.Equal("", await reader.ReadLineAsync(TestContext.Current.CancellationToken));
        return line;
    }

    private void Script(Random random)
    {
        var scripts = Enumerable.Range(0, 4).Select(_ => Enumerable.Range(0, random.Next(30)).Select(_ => RandomToken(random)).ToList()).ToList();
        var range = random.Next(1, 6);
        _host.Generator.Answer = (_, sample) => new Script([.. scripts[sample], FakeTokenizer.Eos], RangeLength: range);
    }

    /// <summary>Letters, bytes of characters of several, special tokens and words, so that borders fall everywhere.</summary>
    private static int RandomToken(Random random) => random.Next(6) switch
    {
        0 => "abENDSTOP\n"[random.Next(10)],
        1 => 0xC3,
        2 => 0xA9,
        3 => random.Next(256, new FakeTokenizer().VocabularySize),
        4 => random.Next(256),
        _ => 'a',
    };

    private static string Signature(JsonNode? choice)
    {
        var text = (string?)(choice!["text"] ?? choice["message"]?["content"]);
        return $"{choice["index"]}|{text}|{choice["finish_reason"]}|{choice["stop_reason"]?.ToJsonString()}|{choice["token_ids"]!.ToJsonString()}|{choice["logprobs"]?.ToJsonString()}";
    }

    private static List<JsonObject> Gather(IReadOnlyList<JsonNode> chunks)
    {
        var choices = chunks.SelectMany(chunk => chunk["choices"]!.AsArray()).Select(choice => choice!).GroupBy(choice => (int)choice["index"]!);
        return [.. choices.OrderBy(group => group.Key).Select(Gather)];
    }

    private static JsonObject Gather(IGrouping<int, JsonNode> pieces)
    {
        Assert.Equal(1, pieces.Count(piece => piece["finish_reason"] is not null));
        Assert.NotNull(pieces.Last()["finish_reason"]);
        var logprobs = pieces.Select(piece => piece["logprobs"]).Where(value => value is not null).ToList();
        return new JsonObject
        {
            ["index"] = pieces.Key,
            ["text"] = string.Concat(pieces.Select(piece => (string?)(piece["text"] ?? piece["delta"]!["content"]))),
            ["finish_reason"] = pieces.Last()["finish_reason"]!.DeepClone(),
            ["stop_reason"] = pieces.Last()["stop_reason"]?.DeepClone(),
            ["token_ids"] = Concatenate(pieces.Select(piece => piece["token_ids"])),
            ["logprobs"] = pieces.Any(piece => piece["delta"] is not null)
                ? new JsonObject { ["content"] = Concatenate(logprobs.Select(value => value!["content"])), ["refusal"] = null }
                : new JsonObject(
                    new[] { "text_offset", "token_logprobs", "tokens", "top_logprobs" }
                        .Select(name => KeyValuePair.Create(name, (JsonNode?)Concatenate(logprobs.Select(value => value![name]))))),
        };
    }

    private static JsonArray Concatenate(IEnumerable<JsonNode?> lists) =>
        [.. lists.OfType<JsonArray>().SelectMany(list => list).Select(item => item?.DeepClone())];
}
