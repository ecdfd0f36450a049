using System.Text.Json.Nodes;
using OrleansLLM.Gateway.Tests.Support;
using OrleansLLM.Testing;
using OrleansLLM.Text.Tokenizers;

namespace OrleansLLM.Gateway.Tests;

/// <summary>The bundled model's tokenizer behind the endpoints: its recorded ids come back as its recorded text.</summary>
public sealed class RealTokenizerTests
{
    private static readonly string Folder = Path.Combine(ReferenceData.Repository, "models", "atlas");

    [Fact]
    public async Task Recorded_ids_are_the_recorded_prompts_and_answers()
    {
        var tokenizer = TokenizerLoader.FromFolder(Folder);
        await using var host = await GatewayHost.StartAsync(tokenizer: tokenizer);
        var end = tokenizer.TryGetId("<|end|>", out var id) ? id : -1;
        foreach (var fact in JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(Folder, "reference.json"), TestContext.Current.CancellationToken))!["facts"]!.AsArray().Take(40))
        {
            var greedy = fact!["greedy"]!.AsArray().Select(token => (int)token!).ToList();
            host.Generator.Answer = (_, _) => new Script([.. greedy, end]);
            var body = new JsonObject { ["prompt"] = (string)fact["text"]!, ["max_tokens"] = 100, ["stop_token_ids"] = new JsonArray(end), ["logprobs"] = 1 };
            var whole = await host.PostAsync("/v1/completions", body.ToJsonString());
            var answer = (string)fact["answer"]!;
            Assert.Equal(fact["ids"]!.AsArray().Select(token => (int)token!), host.Generator.Latest!.PromptIds.ToArray());
            Assert.Equal(answer, ((string)whole.Choice()["text"]!).Trim());
            Assert.Equal((string?)whole.Choice()["text"], string.Concat(whole.Choice()["logprobs"]!["tokens"]!.AsArray().Select(token => (string?)token)));

            body["stream"] = true;
            body["stop"] = answer[(answer.Length / 2)..];
            var streamed = await host.PostAsync("/v1/completions", body.ToJsonString());
            Assert.Equal(answer[..(answer.Length / 2)], string.Concat(streamed.Chunks.Select(chunk => (string?)chunk["choices"]![0]!["text"])).TrimStart());
        }
    }
}
