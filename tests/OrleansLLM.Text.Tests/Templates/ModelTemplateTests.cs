using System.Text.Json.Nodes;
using OrleansLLM.Testing;

namespace OrleansLLM.Text.Tests.Templates;

/// <summary>The chat templates of the real models, as their reference.json recorded them.</summary>
[Trait("Category", "Reference")]
public sealed class ModelTemplateTests
{
    private static readonly Dictionary<string, JsonNode> References = ReferenceData.ModelRoots
        .SelectMany(Directory.EnumerateDirectories)
        .Where(folder => File.Exists(Path.Combine(folder, "reference.json")))
        .DistinctBy(Path.GetFileName)
        .ToDictionary(folder => Path.GetFileName(folder), folder => JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "reference.json")))!);

    public static TheoryData<string, int> Cases()
    {
        var cases = new TheoryData<string, int>();
        foreach (var (name, reference) in References.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            for (var index = 0; index < (reference["chat"] as JsonArray)?.Count; index++)
            {
                cases.Add(name, index);
            }
        }

        return cases;
    }

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Cases))]
    public void Renders_the_recorded_conversation(string model, int index)
    {
        var reference = References[model];
        var chat = reference["chat"]![index]!;
        var source = reference["metadata"]!["tokenizer.chat_template"]!.GetValue<string>();
        Feature.SkipUnlessBuilt(TemplateFeatures.Of(source, chat.AsObject()));
        var template = ChatTemplate.Compile(source, ChatTemplateTokens.None);
        var prompt = template.Render(new ChatInput(
            chat["messages"]!.AsArray(), null, chat["add_generation_prompt"]!.GetValue<bool>(), false, null));
        Assert.Equal(chat["text"]!.GetValue<string>(), prompt.Text);
    }
}
