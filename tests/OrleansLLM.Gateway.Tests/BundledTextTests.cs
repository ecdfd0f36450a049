using System.Text.Json.Nodes;
using OrleansLLM.Gateway.Tests.Support;
using OrleansLLM.Testing;
using OrleansLLM.Text;
using OrleansLLM.Text.Tokenizers;

namespace OrleansLLM.Gateway.Tests;

/// <summary>The bundled model's tokenizer and chat template behind the endpoints, against what was recorded of them.</summary>
public sealed class BundledTextTests
{
    [Fact]
    public async Task Recorded_messages_are_the_recorded_prompts_and_recorded_ids_the_recorded_answers()
    {
        var tokenizer = TokenizerLoader.FromFolder(ReferenceData.Atlas);
        var template = ChatTemplate.Compile(Read("chat_template.jinja"), ChatTemplateTokens.Of("<|endoftext|>", "<|end|>"));
        await using var host = await GatewayHost.StartAsync(tokenizer: tokenizer, template: template);
        var end = tokenizer.TryGetId("<|end|>", out var id) ? id : -1;
        foreach (var fact in JsonNode.Parse(Read("reference.json"))!["facts"]!.AsArray().Take(40))
        {
            host.Generator.Answer = (_, _) => new Script([.. Ids(fact!["greedy"]!), end]);
            var body = new JsonObject
            {
                ["messages"] = fact!["messages"]!.DeepClone(),
                ["stop_token_ids"] = new JsonArray(end),
                ["logprobs"] = true,
            };
            var whole = await host.PostAsync("/v1/chat/completions", body.ToJsonString());
            var answer = (string)fact["answer"]!;
            var content = (string)whole.Choice()["message"]!["content"]!;
            Assert.Equal(Ids(fact["ids"]!), host.Generator.Latest!.PromptIds.ToArray());
            Assert.Equal(answer, content.Trim());
            Assert.Equal(content, string.Concat(whole.Choice()["logprobs"]!["content"]!.AsArray().Select(token => (string?)token!["token"])));

            body["stream"] = true;
            body["stop"] = answer[(answer.Length / 2)..];
            var streamed = await host.PostAsync("/v1/chat/completions", body.ToJsonString());
            var pieces = streamed.Chunks.Select(chunk => (string?)chunk["choices"]![0]!["delta"]!["content"]);
            Assert.Equal(answer[..(answer.Length / 2)], string.Concat(pieces).TrimStart());
        }
    }

    private static string Read(string file) => File.ReadAllText(Path.Combine(ReferenceData.Atlas, file));

    private static IEnumerable<int> Ids(JsonNode list) => list.AsArray().Select(token => (int)token!);
}
