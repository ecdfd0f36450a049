using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using OrleansLLM.Testing;
using OrleansLLM.Text;

namespace OrleansLLM.Hosting.Tests;

public sealed class AddOrleansLLMTests
{
    [Fact]
    public async Task An_app_gets_a_generator_that_answers_and_waits_while_the_model_loads()
    {
        var path = ReferenceData.Atlas;
        await using var services = new ServiceCollection()
            .AddOrleansLLM(new ModelOptions { Path = path, KvCacheBytes = 8 << 20 })
            .BuildServiceProvider();
        var generator = services.GetRequiredService<IGenerator>();
        int[] prompt = [1, 322, 277, 270, 492, 269, 1556, 34, 3, 2];

        var request = new GenerationRequest
        {
            Id = RequestId.Create(), Model = "atlas", PromptIds = prompt, MaxTokens = 20, StopTokenIds = [3],
            Sampling = new SamplingParameters { Temperature = 0 },
        };
        var accepted = Assert.IsType<SubmitResult.Accepted>(await generator.SubmitAsync(request, TestContext.Current.CancellationToken));
        var ids = new List<int>();
        await foreach (var range in generator.ReadAsync(accepted.Sequences[0], prompt.Length, TestContext.Current.CancellationToken))
        {
            ids.AddRange(range.Ids.ToArray());
        }

        var model = Assert.Single(services.GetRequiredService<ModelHost>().Models);
        Assert.Equal("The climate of Niger is desert.", model.Tokenizer.Decode(ids.ToArray(), SpecialTokens.Skip));
    }

    /// <summary>This test project is such an app: it names no web framework, and what it references brings none.</summary>
    [Fact]
    public void An_app_that_holds_a_model_runs_without_the_web_framework()
    {
        var config = Path.ChangeExtension(typeof(AddOrleansLLMTests).Assembly.Location, ".runtimeconfig.json");
        var options = JsonNode.Parse(File.ReadAllText(config))!["runtimeOptions"]!.AsObject();
        Assert.Equal("Microsoft.NETCore.App", options["framework"]?["name"]?.GetValue<string>());
        Assert.False(options.ContainsKey("frameworks"), "further frameworks are asked for");
    }

    [Fact]
    public async Task A_path_that_is_no_model_fails_with_a_sentence()
    {
        await using var host = new ModelHost(ending => ModelLoader.LoadAsync(new ModelOptions { Path = "nowhere" }, null, ending));

        var error = await Assert.ThrowsAsync<ModelLoadException>(() => host.Loaded);
        Assert.Equal("nowhere is not there: give a Hugging Face folder or a GGUF file.", error.Message);
        Assert.Equal(ServingPhase.Failed, host.Phase);
    }
}
