using System.Text.Json.Nodes;
using OrleansLLM.Testing;

namespace OrleansLLM.Cli.Tests;

/// <summary>Recorded answers of whole models, over HTTP, from the program as users run it.</summary>
[Trait("Category", "Reference")]
public sealed class ReferenceModelTests
{
    /// <summary>Model folders whose reference.json holds facts: questions and the answers recorded for them.</summary>
    public static TheoryData<string> FactModels() => [.. Models("facts")];

    /// <summary>GGUF models whose reference.json holds rendered chats.</summary>
    public static TheoryData<string> ChatModels() => [.. Models("chat")];

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(FactModels))]
    public async Task Every_recorded_answer_comes_over_http(string folder)
    {
        SkipUnlessBuilt(folder);
        var facts = Reference(folder)["facts"]!.AsArray();
        await using var server = await RunningServer.StartReadyAsync(folder);

        await Parallel.ForEachAsync(facts, TestContext.Current.CancellationToken, async (fact, _) =>
        {
            var answer = await server.PostAsync("v1/chat/completions", new JsonObject
            {
                ["messages"] = fact!["messages"]!.DeepClone(), ["return_token_ids"] = true, ["max_tokens"] = fact["greedy"]!.AsArray().Count,
            });
            Assert.Equal(fact["answer"]!.GetValue<string>(), answer["choices"]![0]!["message"]!["content"]!.GetValue<string>());
            Assert.Equal(fact["ids"]!.ToJsonString(), answer["prompt_token_ids"]!.ToJsonString());
        });
    }

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(ChatModels))]
    public async Task Chats_are_rendered_as_recorded_and_answered(string folder)
    {
        var file = Directory.EnumerateFiles(folder, "*.gguf").FirstOrDefault();
        Assert.SkipWhen(file is null, "It is no GGUF model.");
        SkipUnlessBuilt(file);
        await using var server = await RunningServer.StartReadyAsync(file);

        foreach (var chat in Reference(folder)["chat"]!.AsArray())
        {
            var generationPrompt = chat!["add_generation_prompt"]!.GetValue<bool>();
            var tokens = await server.PostAsync("tokenize", new JsonObject
            {
                ["messages"] = chat["messages"]!.DeepClone(), ["add_generation_prompt"] = generationPrompt,
            });
            Assert.Equal(chat["ids"]!.ToJsonString(), tokens["tokens"]!.ToJsonString());
        }

        // Drawn at temperature 1, a small model's answer may run on for thousands of tokens.
        var question = ServeTests.Question("Say hello.");
        (question["temperature"], question["max_tokens"]) = (0, 50);
        var answer = await server.PostAsync("v1/chat/completions", question);
        Assert.NotEmpty(answer["choices"]![0]!["message"]!["content"]!.GetValue<string>());
    }

    private static void SkipUnlessBuilt(string model) => Feature.SkipUnlessBuilt(ModelFeatures.Of(model).Concat(TokenizerFeatures.Of(model)));

    private static IEnumerable<string> Models(string part) => ReferenceData.ModelRoots
        .SelectMany(Directory.EnumerateDirectories)
        .Where(folder => File.Exists(Path.Combine(folder, "reference.json")) && Reference(folder)[part] is not null)
        .DistinctBy(Path.GetFileName);

    private static JsonNode Reference(string folder) => JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "reference.json")))!;
}
