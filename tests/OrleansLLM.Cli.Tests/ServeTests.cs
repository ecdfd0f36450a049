using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using OrleansLLM.Testing;

namespace OrleansLLM.Cli.Tests;

/// <summary>The program as users run it: its own process, a real port, the bundled model.</summary>
public sealed class ServeTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task It_answers_streams_measures_and_ends_on_sigterm()
    {
        await using var server = await RunningServer.StartReadyAsync(ReferenceData.Atlas);

        Assert.Equal(HttpStatusCode.OK, (await server.Http.GetAsync("health", Cancellation)).StatusCode);
        var chat = await server.PostAsync("v1/chat/completions", Question("What is the climate of Niger?"));
        Assert.Equal("The climate of Niger is desert.", chat["choices"]![0]!["message"]!["content"]!.GetValue<string>());
        var streaming = Question("What is the climate of Niger?");
        streaming["stream"] = true;
        using var stream = await server.Http.PostAsJsonAsync("v1/chat/completions", streaming, Cancellation);
        var events = await stream.Content.ReadAsStringAsync(Cancellation);
        Assert.EndsWith("data: [DONE]\n\n", events, StringComparison.Ordinal);
        var metrics = await server.Http.GetStringAsync("metrics", Cancellation);
        Assert.Contains("vllm:generation_tokens_total{", metrics, StringComparison.Ordinal);
        using var rebound = new HttpRequestMessage(HttpMethod.Get, "metrics") { Headers = { Host = "attacker.example" } };
        Assert.Equal(HttpStatusCode.Forbidden, (await server.Http.SendAsync(rebound, Cancellation)).StatusCode);
        Assert.Contains("curl http://127.0.0.1:", server.Process.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("Niger", server.Process.Output, StringComparison.Ordinal);

        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no SIGTERM.");
        server.Process.Terminate();
        Assert.Equal(0, (await server.Process.WaitAsync()).Code);
    }

    [Fact]
    public async Task Sigterm_lets_what_runs_finish_and_refuses_what_comes()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no SIGTERM.");
        await using var server = await RunningServer.StartReadyAsync(ReferenceData.Atlas);
        var body = new JsonObject
        {
            ["prompt"] = "The climate", ["max_tokens"] = 1500, ["ignore_eos"] = true, ["stream"] = true,
            ["stream_options"] = new JsonObject { ["include_usage"] = true },
        };
        using var request = new HttpRequestMessage(HttpMethod.Post, "v1/completions") { Content = JsonContent.Create(body) };
        using var response = await server.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancellation);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(Cancellation));
        Assert.StartsWith("id: ", await reader.ReadLineAsync(Cancellation), StringComparison.Ordinal);

        server.Process.Terminate();
        await server.Process.WaitForAsync(new("Stopping: no new requests"));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await server.Http.GetAsync("health", Cancellation)).StatusCode);
        var refused = await server.Http.PostAsJsonAsync("v1/completions", new JsonObject { ["prompt"] = "x" }, Cancellation);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
        var rest = await reader.ReadToEndAsync(Cancellation);

        Assert.Contains("\"completion_tokens\":1500", rest, StringComparison.Ordinal);
        Assert.Equal(0, (await server.Process.WaitAsync()).Code);
    }

    [Theory]
    [InlineData("0", 1)]
    [InlineData("3600", 2)]
    public async Task What_runs_beyond_the_shutdown_timeout_or_a_second_signal_ends_with_an_error_event(string timeout, int signals)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no SIGTERM.");
        await using var server = await RunningServer.StartReadyAsync(ReferenceData.Atlas, "--shutdown-timeout", timeout);
        var body = new JsonObject { ["prompt"] = "The climate", ["max_tokens"] = 1900, ["n"] = 32, ["ignore_eos"] = true, ["stream"] = true };
        using var request = new HttpRequestMessage(HttpMethod.Post, "v1/completions") { Content = JsonContent.Create(body) };
        using var response = await server.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancellation);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(Cancellation));
        Assert.StartsWith("id: ", await reader.ReadLineAsync(Cancellation), StringComparison.Ordinal);

        for (var signal = 1; signal <= signals; signal++)
        {
            server.Process.Terminate();
            await server.Process.WaitForAsync(new("Stopping: no new requests"));
        }

        var rest = await reader.ReadToEndAsync(Cancellation);

        Assert.Contains("\"message\":\"The server is stopping.\"", rest, StringComparison.Ordinal);
        Assert.Equal(0, (await server.Process.WaitAsync()).Code);
    }

    [Fact]
    public async Task Two_servers_share_a_machine_and_a_port_in_use_is_said()
    {
        await using var first = await RunningServer.StartReadyAsync(ReferenceData.Atlas);
        await using var second = await RunningServer.StartReadyAsync(ReferenceData.Atlas, "--api-key", "secret", "--served-model-name", "one", "uno");
        var port = first.Http.BaseAddress!.Port.ToString(CultureInfo.InvariantCulture);

        var (code, output, errors) = await OrleansLLMProcess.RunAsync("serve", ReferenceData.Atlas, "--port", port);
        Assert.Equal(1, code);
        Assert.DoesNotContain("ERROR", output, StringComparison.Ordinal);
        Assert.Contains($"Port {port} of 127.0.0.1 is in use", errors, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, (await first.Http.GetAsync("v1/models", Cancellation)).StatusCode);

        Assert.Equal(HttpStatusCode.Unauthorized, (await second.Http.GetAsync("v1/models", Cancellation)).StatusCode);
        second.Http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", "secret");
        var body = Question("What is the climate of Niger?");
        body["model"] = "uno";
        Assert.Equal("stop", (await second.PostAsync("v1/chat/completions", body))["choices"]![0]!["finish_reason"]!.GetValue<string>());
    }

    [Fact]
    public async Task Bench_serve_and_chat_work_against_it_and_json_logs_are_json()
    {
        await using var server = await RunningServer.StartReadyAsync(ReferenceData.Atlas, "--log-format", "json");
        var url = server.Http.BaseAddress!.ToString();

        var bench = await OrleansLLMProcess.RunAsync(
            "bench", "serve", "--base-url", url, "--num-prompts", "8", "--random-input-len", "20", "--random-output-len", "6", "--ignore-eos");
        Assert.Contains("Total input tokens:                      160", bench.Output, StringComparison.Ordinal);
        Assert.Contains("Total generated tokens:                  48", bench.Output, StringComparison.Ordinal);
        var chat = await OrleansLLMProcess.RunAsync("chat", "--url", url, "--quick", "What is the climate of Niger?");
        Assert.Equal("The climate of Niger is desert.\n", chat.Output);
        Assert.All(server.Process.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries), line => Assert.NotNull(JsonNode.Parse(line)));
    }

    [Fact]
    public async Task An_address_of_another_machine_is_refused_with_a_sentence()
    {
        var (code, _, errors) = await OrleansLLMProcess.RunAsync("serve", ReferenceData.Atlas, "--host", "203.0.113.1", "--port", "0");

        Assert.Equal(1, code);
        Assert.StartsWith("Nothing can listen on port 0 of 203.0.113.1: ", errors, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("nowhere", "nowhere is not there")]
    [InlineData("README.md", "is no GGUF file")]
    public async Task What_is_no_model_is_refused_with_a_sentence(string path, string sentence)
    {
        var (code, _, errors) = await OrleansLLMProcess.RunAsync("serve", path, "--port", "0");

        Assert.Equal(1, code);
        Assert.Contains(sentence, errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_other_commands_read_the_model_without_a_server()
    {
        var inspect = await OrleansLLMProcess.RunAsync("inspect", ReferenceData.Atlas, "--kv-cache-memory-bytes", "48MiB");
        Assert.Contains("50 MB = 32768 tokens", inspect.Output, StringComparison.Ordinal);
        var tokenize = await OrleansLLMProcess.RunAsync("tokenize", ReferenceData.Atlas, "What is the climate of Niger?", "--ids");
        Assert.Equal("322 277 270 492 269 1556 34\n", tokenize.Output);
        var chat = await OrleansLLMProcess.RunAsync("chat", ReferenceData.Atlas, "--quick", "What is the climate of Niger?");
        Assert.Equal("The climate of Niger is desert.\n", chat.Output);
        var throughput = await OrleansLLMProcess.RunAsync("bench", "throughput", ReferenceData.Atlas, "--num-prompts", "4", "--random-output-len", "8");
        Assert.Contains("output tokens/s", throughput.Output, StringComparison.Ordinal);
    }

    internal static JsonObject Question(string text) =>
        new() { ["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = text }) };
}
