using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using OrleansLLM.Testing;

namespace OrleansLLM.Cli.Tests;

/// <summary>With <c>--log-format json</c> a machine reads every line of both streams, whatever becomes of the server.</summary>
public sealed class LogFormatTests
{
    [Theory]
    [InlineData("nowhere", "nowhere is not there: give a Hugging Face folder or a GGUF file.")]
    [InlineData("README.md", "README.md: is no GGUF file")]
    [InlineData("atlas --host 203.0.113.1", "Nothing can listen on port 0 of 203.0.113.1: ")]
    [InlineData(
        "atlas --max-model-len 9000 --kv-cache-memory-bytes 1",
        "MaxModelLength (--max-model-len) is 9000; it must be 1 to 2048, the positions that the model was made for.\nKvCacheBytes (--kv-cache-memory-bytes) is 1; it must be ")]
    public async Task A_start_that_fails_is_one_critical_line(string arguments, string sentence)
    {
        var words = arguments.Split(' ');
        await AssertFailsAsync([words[0] == "atlas" ? ReferenceData.Atlas : words[0], "--port", "0", .. words[1..]], sentence);
    }

    [Fact]
    public async Task A_port_in_use_is_one_critical_line()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var port = ((IPEndPoint)taken.LocalEndpoint).Port.ToString(CultureInfo.InvariantCulture);
        await AssertFailsAsync([ReferenceData.Atlas, "--port", port], $"Port {port} of 127.0.0.1 is in use: take another with --port, or 0 for any.");
    }

    [Fact]
    public async Task A_server_that_is_used_misused_and_stopped_writes_nothing_else()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no SIGTERM.");
        await using var server = await RunningServer.StartReadyAsync(ReferenceData.Atlas, "--log-format", "json", "--host", "0.0.0.0", "--shutdown-timeout", "0");
        await server.PostAsync("v1/chat/completions", ServeTests.Question("What is the climate of Niger?"));
        using var wrong = await server.Http.PostAsync("v1/completions", new StringContent("{", Encoding.UTF8, "application/json"), TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.BadRequest, wrong.StatusCode);

        server.Process.Terminate();
        var (code, output, errors) = await server.Process.WaitAsync();
        Assert.Equal(0, code);
        Assert.Empty(errors);
        Assert.Contains(Parse(output), line => (string?)line["LogLevel"] == "Warning");
    }

    [Fact]
    public async Task For_people_wrong_options_are_sentences_alone()
    {
        var (code, _, errors) = await OrleansLLMProcess.RunAsync("serve", ReferenceData.Atlas, "--port", "0", "--max-model-len", "9000", "--kv-cache-memory-bytes", "1");
        Assert.Equal(1, code);
        var lines = errors.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, lines.Length);
        Assert.Equal("MaxModelLength (--max-model-len) is 9000; it must be 1 to 2048, the positions that the model was made for.", lines[0]);
        Assert.StartsWith("KvCacheBytes (--kv-cache-memory-bytes) is 1; it must be ", lines[1], StringComparison.Ordinal);
    }

    private static async Task AssertFailsAsync(string[] arguments, string sentence)
    {
        var (code, output, errors) = await OrleansLLMProcess.RunAsync(["serve", "--log-format", "json", .. arguments]);

        Assert.Equal(1, code);
        Assert.All(Parse(output), line => Assert.NotEqual("Critical", (string?)line["LogLevel"]));
        var last = Assert.Single(Parse(errors));
        Assert.Equal(("Critical", "OrleansLLM.Cli.Serving.FailureReport"), ((string?)last["LogLevel"], (string?)last["Category"]));
        Assert.StartsWith(sentence, (string?)last["Message"], StringComparison.Ordinal);
    }

    /// <summary>Fails on a line that is no JSON object.</summary>
    private static List<JsonObject> Parse(string lines) =>
        [.. lines.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => Assert.IsType<JsonObject>(JsonNode.Parse(line)))];
}
