using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Json.Schema;
using OrleansLLM.Gateway.Tests.Support;
using OrleansLLM.Testing;

namespace OrleansLLM.Gateway.Tests;

/// <summary>Answers against OpenAI's own schemas, found under the golden folders.</summary>
public sealed partial class SchemaTests(SharedHost shared) : IClassFixture<SharedHost>
{
    private const string Chat = "\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]";

    private readonly GatewayHost _host = shared.Host;

    public static TheoryData<string, string> Files
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (var path in ReferenceData.GoldenRoots.Select(root => Path.Combine(root, "openai", "schemas.json")).Where(File.Exists).Take(1))
            {
                foreach (var schema in new[] { "CreateCompletionResponse", "CreateChatCompletionResponse", "CreateChatCompletionStreamResponse", "ListModelsResponse", "Model", "ErrorResponse" })
                {
                    data.Add(path, schema);
                }
            }

            if (data.Count == 0)
            {
                data.Add("", "");
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Files))]
    [Trait("Category", "Reference")]
    public async Task Answers_validate(string path, string name)
    {
        SkipWithout(path);
        var schema = Load(path, name);
        foreach (var answer in await AnswersAsync(name))
        {
            AssertValid(schema, answer);
        }
    }

    [Theory]
    [MemberData(nameof(Files))]
    [Trait("Category", "Reference")]
    public async Task An_answer_without_a_required_member_does_not_validate(string path, string name)
    {
        SkipWithout(path);
        var schema = Load(path, name);
        var answer = (await AnswersAsync(name))[0].AsObject();
        answer.Remove(name switch { "ErrorResponse" => "error", "ListModelsResponse" => "data", _ => "object" });
        Assert.False(schema.Evaluate(ToElement(answer)).IsValid);
    }

    private static void SkipWithout(string path) => Assert.SkipWhen(path.Length == 0, "No golden folder has openai/schemas.json.");

    private async Task<IReadOnlyList<JsonNode>> AnswersAsync(string name)
    {
        var tokenizer = new FakeTokenizer();
        _host.Generator.Answer = (_, sample) => new Script(sample == 0 ? tokenizer.Ids("aé hello</s>") : tokenizer.Ids("aaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
        switch (name)
        {
            case "CreateCompletionResponse":
                return [
                    await PostAsync("/v1/completions", "\"prompt\":\"Hi\",\"n\":2"),
                    await PostAsync("/v1/completions", "\"prompt\":[\"a\",\"b\"],\"logprobs\":2,\"return_token_ids\":true,\"stop\":\"hello\""),
                    WithoutFirstLogprob(await PostAsync("/v1/completions", "\"prompt\":\"Hi\",\"logprobs\":2,\"echo\":true,\"max_tokens\":2,\"prompt_logprobs\":1")),
                    .. WithEnd(await StreamAsync("/v1/completions", "\"prompt\":\"Hi\",\"n\":2,\"logprobs\":1")),
                ];
            case "CreateChatCompletionResponse":
                return [
                    await PostAsync("/v1/chat/completions", $"{Chat},\"n\":2,\"max_tokens\":5"),
                    await PostAsync("/v1/chat/completions", $"{Chat},\"logprobs\":true,\"top_logprobs\":3,\"prompt_logprobs\":1,\"return_token_ids\":true"),
                ];
            case "CreateChatCompletionStreamResponse":
                return await StreamAsync("/v1/chat/completions", $"{Chat},\"n\":2,\"logprobs\":true,\"top_logprobs\":1,\"return_token_ids\":true");
            case "ListModelsResponse":
                return [(await _host.GetAsync("/v1/models")).Json];
            case "Model":
                return [(await _host.GetAsync("/v1/models/fake")).Json, (await _host.GetAsync("/v1/models/also-fake")).Json];
            default:
                return [
                    (await _host.PostAsync("/v1/completions", "{}")).Json,
                    (await _host.PostAsync("/v1/completions", "{")).Json,
                    (await _host.GetAsync("/nothing")).Json,
                ];
        }
    }

    private async Task<JsonNode> PostAsync(string path, string fields) => (await _host.PostAsync(path, $"{{{fields}}}")).Json;

    private async Task<IReadOnlyList<JsonNode>> StreamAsync(string path, string fields) =>
        (await _host.PostAsync(path, $"{{{fields},\"stream\":true,\"stream_options\":{{\"include_usage\":true}}}}")).Chunks;

    /// <summary>A streamed completion's finish_reason is null until its end, which the document has no word for.</summary>
    private static IEnumerable<JsonNode> WithEnd(IReadOnlyList<JsonNode> chunks)
    {
        foreach (var choice in chunks.SelectMany(chunk => chunk["choices"]!.AsArray()))
        {
            choice!["finish_reason"] ??= "stop";
        }

        return chunks;
    }

    /// <summary>Nothing predicts a prompt's first token, so its log probability is null, which the document has no word for.</summary>
    private static JsonNode WithoutFirstLogprob(JsonNode answer)
    {
        var logprobs = answer["choices"]![0]!["logprobs"]!;
        Assert.Null(logprobs["token_logprobs"]![0]);
        logprobs["token_logprobs"]![0] = 0;
        logprobs["top_logprobs"]![0] = new JsonObject();
        return answer;
    }

    private static JsonSchema Load(string path, string name)
    {
        var text = File.ReadAllText(path).Replace("#/components/schemas/", "#/$defs/", StringComparison.Ordinal);
        var schemas = (JsonObject)JsonNode.Parse(text)!["components"]!["schemas"]!;
        var used = new JsonObject();
        Collect(schemas, name, used);
        foreach (var member in used)
        {
            Translate(member.Value);
        }

        return JsonSchema.FromText(new JsonObject { ["$ref"] = $"#/$defs/{name}", ["$defs"] = used }.ToJsonString());
    }

    /// <summary>The schemas that one refers to, and itself.</summary>
    private static void Collect(JsonObject schemas, string name, JsonObject to)
    {
        if (to.ContainsKey(name))
        {
            return;
        }

        to[name] = schemas[name]!.DeepClone();
        foreach (Match reference in Reference().Matches(to[name]!.ToJsonString()))
        {
            Collect(schemas, reference.Groups[1].Value, to);
        }
    }

    [GeneratedRegex("\"#/\\$defs/(\\w+)\"")]
    private static partial Regex Reference();

    /// <summary>OpenAPI's nullable beside a type or a reference, in JSON schema's words; what that does not know goes.</summary>
    private static void Translate(JsonNode? node)
    {
        if (node is JsonArray list)
        {
            foreach (var item in list)
            {
                Translate(item);
            }
        }

        if (node is not JsonObject schema)
        {
            return;
        }

        schema.Remove("discriminator");
        foreach (var member in schema.ToList())
        {
            foreach (var inner in member is { Key: "properties", Value: JsonObject properties } ? properties.Select(pair => pair.Value) : [member.Value])
            {
                Translate(inner);
            }
        }

        if (schema["nullable"] is JsonValue)
        {
            var inner = (JsonObject)schema.DeepClone();
            inner.Remove("nullable");
            schema.Clear();
            schema["anyOf"] = new JsonArray(inner, new JsonObject { ["type"] = "null" });
        }
    }

    private static void AssertValid(JsonSchema schema, JsonNode answer)
    {
        var result = schema.Evaluate(ToElement(answer), new EvaluationOptions { OutputFormat = OutputFormat.List });
        var errors = result.Details?.Where(detail => detail.Errors is not null)
            .SelectMany(detail => detail.Errors!.Select(error => $"{detail.InstanceLocation}: {error.Value}")) ?? [];
        Assert.True(result.IsValid, $"{answer.ToJsonString()}\n{string.Join('\n', errors)}");
    }

    private static JsonElement ToElement(JsonNode node) => JsonSerializer.SerializeToElement(node);
}
