using System.Text.Json.Nodes;
using OrleansLLM.Cli.Arguments;
using OrleansLLM.Engine;
using OrleansLLM.Testing;

namespace OrleansLLM.Cli.Tests.Serving;

/// <summary>What an engine logs, as a server's console has it.</summary>
[Collection("Meters")]
public sealed class EngineLogTests
{
    [Fact]
    public async Task A_step_that_fails_is_one_line_stack_trace_and_all()
    {
        await using var log = new FormattedLog<InferenceEngine>(TimeProvider.System, LogFormat.Json);
        using var device = new FakeModelDevice();
        using var model = new FakeModel(4, [0], maxRows: 16) { NextFailure = new InvalidOperationException("the device is on fire") };
        var options = new EngineOptions { Model = "fake", BlockSize = 4, KvCacheBytes = 1 << 10, MaxBatchedTokens = 16 };
        using var engine = new InferenceEngine(model, device, options, logger: log);
        using var generator = new EngineGenerator(engine, TimeProvider.System);
        var request = new GenerationRequest { Id = RequestId.Create(), Model = "fake", PromptIds = new[] { 1, 2 }, MaxTokens = 1 };
        await generator.SubmitAsync(request, TestContext.Current.CancellationToken);
        var text = await log.Lines.ReadAsync(TestContext.Current.CancellationToken);

        Assert.Equal(text.Length - 1, text.IndexOf('\n', StringComparison.Ordinal));
        var line = JsonNode.Parse(text)!;
        Assert.Equal(("Error", 1), ((string?)line["LogLevel"], (int?)line["EventId"]));
        Assert.Equal("Step 1 failed with 1 sequences; they end, the others go on.", (string?)line["Message"]);
        Assert.Contains("the device is on fire", (string?)line["Exception"], StringComparison.Ordinal);
        Assert.Contains("   at OrleansLLM.", (string?)line["Exception"], StringComparison.Ordinal);
    }
}
