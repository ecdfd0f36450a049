using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using OrleansLLM.Gateway.Tests.Support;

namespace OrleansLLM.Gateway.Tests;

/// <summary>No body makes the server fail: each is answered, or refused by a well-formed error.</summary>
public sealed class FuzzTests(SharedHost shared) : IClassFixture<SharedHost>
{
    private const string Letters = "0123456789-.eE\"[]{},:\\untrfals";

    private static readonly string[] Paths = ["/v1/completions", "/v1/chat/completions", "/tokenize", "/detokenize"];

    private static readonly string[] Values =
    [
        "null", "true", "false", "0", "-1", "1", "2.5", "1e400", "-1e-400", "99999999999999999999", "\"\"", "\"a\"", "\"\\ud800\"", "\"\\u0000\"", "[]", "[0]",
        "[null]", "[[]]", "[\"a\",1]", "{}", "{\"a\":1}", "{\"97\":1}", "[{\"role\":\"user\"}]", "[{\"type\":\"text\"}]", "{\"type\":\"text\"}", "{\"\\ud800\":1}",
    ];

    private static readonly string Seed = JsonSerializer.Serialize(JsonNode.Parse(
        """
        {"model":"fake","prompt":["a","bé"],"messages":[{"role":"user","content":[{"type":"text","text":"a"}],"name":"b"}],"n":2,"best_of":2,
         "temperature":0.5,"top_p":0.5,"top_k":3,"min_p":0.1,"repetition_penalty":1.1,"presence_penalty":1,"frequency_penalty":1,
         "logit_bias":{"97":1.5},"seed":7,"allowed_token_ids":[97],"bad_words":["hello"],"stop_token_ids":[99],"min_tokens":1,"max_tokens":5,
         "max_completion_tokens":5,"priority":1,"logprobs":1,"top_logprobs":0,"prompt_logprobs":null,"cache_salt":"s","stop":["x","y"],
         "stream":true,"stream_options":{"include_usage":true},"echo":false,"ignore_eos":false,"skip_special_tokens":true,"tokens":[97,98],
         "include_stop_str_in_output":false,"return_token_ids":true,"truncate_prompt_tokens":100,"add_special_tokens":true,
         "add_generation_prompt":true,"continue_final_message":false,"chat_template_kwargs":{"a":[1,{"b":null}]},"tools":null,
         "response_format":{"type":"text"},"modalities":["text"],"return_token_strs":true,"unknown":{"deep":[[[]]]}}
        """));

    private readonly GatewayHost _host = shared.Host;

    [Fact]
    public async Task Any_value_in_any_field_is_answered_or_refused()
    {
        var names = JsonNode.Parse(Seed)!.AsObject().Select(member => member.Key).Where(name => name != "unknown").ToList();
        await Parallel.ForEachAsync(
            names.SelectMany(name => Values.Select(value => (name, value))),
            new ParallelOptions { MaxDegreeOfParallelism = 4, CancellationToken = TestContext.Current.CancellationToken },
            async (pair, _) =>
            {
                foreach (var path in Paths)
                {
                    await CheckAsync(path, Encoding.UTF8.GetBytes(Replace(pair.name, pair.value)));
                }
            });
    }

    [Fact]
    public async Task Any_change_of_bytes_is_answered_or_refused()
    {
        var seed = Encoding.UTF8.GetBytes(Seed);
        await Parallel.ForEachAsync(
            Enumerable.Range(0, 1500),
            new ParallelOptions { MaxDegreeOfParallelism = 4, CancellationToken = TestContext.Current.CancellationToken },
            async (round, _) =>
            {
                var random = new Random(round);
                var body = seed.ToList();
                for (var change = random.Next(1, 4); change > 0; change--)
                {
                    Mutate(body, random);
                }

                await CheckAsync(Paths[round % Paths.Length], [.. body]);
            });
    }

    private static string Replace(string name, string value)
    {
        const string mark = "@@";
        var body = JsonNode.Parse(Seed)!.AsObject();
        body[name] = mark;
        return body.ToJsonString().Replace($"\"{mark}\"", value, StringComparison.Ordinal);
    }

    private static void Mutate(List<byte> body, Random random)
    {
        var at = random.Next(body.Count);
        switch (random.Next(5))
        {
            case 0:
                body[at] = (byte)random.Next(256);
                break;
            case 1:
                body[at] = (byte)Letters[random.Next(Letters.Length)];
                break;
            case 2:
                body.RemoveRange(at, Math.Min(random.Next(1, 9), body.Count - at));
                break;
            case 3:
                body.InsertRange(at, Encoding.UTF8.GetBytes(Values[random.Next(Values.Length)]));
                break;
            default:
                body.InsertRange(at, body.Slice(at, Math.Min(random.Next(1, 40), body.Count - at)));
                break;
        }
    }

    private async Task CheckAsync(string path, byte[] body)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new("application/json");
        var answer = await _host.SendAsync(request);
        if (answer.Status == 200)
        {
            Assert.True(answer.Headers["Content-Type"].StartsWith("text/event-stream", StringComparison.Ordinal) ? answer.Events[^1] == "[DONE]" : answer.Json is JsonObject);
            return;
        }

        Assert.True(answer.Status is 400 or 404, $"{answer.Status} for {Encoding.UTF8.GetString(body)}");
        ErrorTests.AssertShape(answer);
    }
}
