using System.Diagnostics;
using System.Text.Json.Nodes;
using OrleansLLM.Gateway.Tests.Support;
using OrleansLLM.Testing;

namespace OrleansLLM.Gateway.Tests;

/// <summary>The unmodified openai client of npm, where tests/clients/setup has installed it.</summary>
public sealed class NpmClientTests
{
    [Fact]
    public async Task It_lists_models_chats_streams_completes_and_reads_errors()
    {
        var folder = Path.Combine(ReferenceData.Repository, "tests", "clients");
        Assert.SkipUnless(
            Directory.Exists(Path.Combine(folder, "node_modules", "openai")), "The openai npm client is not installed: run tests/clients/setup.");
        await using var host = await GatewayHost.StartAsync();
        var start = new ProcessStartInfo("node", [Path.Combine(folder, "openai.mjs"), host.Address.ToString().TrimEnd('/'), GatewayHost.Model])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var node = Process.Start(start)!;
        var errors = node.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var output = await node.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await node.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(node.ExitCode == 0, await errors);
        var expected = JsonNode.Parse(
            """
            {"models":["fake","also-fake"],"chat":" hello world","finish":"stop","tokens":[" hello"," world"],"streamed":" hello world",
             "usage":{"prompt_tokens":30,"completion_tokens":3,"total_tokens":33,"prompt_tokens_details":{"cached_tokens":3}},
             "helper":" hello world","completion":" hello world",
             "errors":[[404,"model_not_found","model","NotFoundError",true],[400,null,"n","BadRequestError",true]],"left":true}
            """);
        Assert.True(JsonNode.DeepEquals(expected, JsonNode.Parse(output)), output);
    }
}
