using System.Text;
using System.Text.Json.Nodes;
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

    [Fact]
    public async Task An_error_before_the_first_token_is_a_status_and_behind_it_an_event()
    {
        _host.Generator.Answer = (_, _) => new Script([], new SequenceEnd(FinishReason.TimedOut));
        var early = await _host.PostAsync("/v1/completions", """{"prompt":"Hi","stream":true}""");
        Assert.Equal(408, early.Status);
        _host.Generator.Answer = (_, _) => new Script(['a'], new SequenceEnd(FinishReason.TimedOut));
        var late = await _host.PostAsync("/v1/completions", """{"prompt":"Hi","stream":true}""");
        Assert.Equal(200, late.Status);
        Assert.Equal("timeout", (string?)late.Chunks[^1]["error"]!["code"]);
        Assert.DoesNotContain("[DONE]", late.Events);
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
