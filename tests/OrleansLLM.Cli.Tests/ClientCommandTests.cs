using System.Text.Json.Nodes;
using OrleansLLM.Testing;

namespace OrleansLLM.Cli.Tests;

/// <summary>The commands that talk to a server, against one that is none of ours.</summary>
public sealed class ClientCommandTests
{
    [Fact]
    public async Task Bench_serve_drives_any_server_and_writes_its_figures()
    {
        await using var server = await FakeOpenAIServer.StartAsync();
        var folder = Directory.CreateTempSubdirectory().FullName;

        var (code, output, _) = await OrleansLLMProcess.RunAsync(
            "bench", "serve", "--base-url", server.Url, "--num-prompts", "12", "--max-concurrency", "4", "--random-output-len", "5",
            "--request-rate", "500", "--ignore-eos", "--save-detailed", "--result-dir", folder, "--result-filename", "r.json");

        Assert.Equal(0, code);
        Assert.Contains("Successful requests:                     12", output, StringComparison.Ordinal);
        Assert.Contains("Total generated tokens:                  60", output, StringComparison.Ordinal);
        var json = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(folder, "r.json"), TestContext.Current.CancellationToken))!;
        Assert.Equal(12, json["completed"]!.GetValue<int>());
        Assert.Equal(84, json["total_input_tokens"]!.GetValue<int>());
        Assert.Equal("w0 w1 w2 w3 w4 ", json["generated_texts"]![11]!.GetValue<string>());
        Assert.All(server.Requests, request => Assert.True(request["ignore_eos"]!.GetValue<bool>()));
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task Bench_serve_counts_what_failed_and_says_why()
    {
        await using var server = await FakeOpenAIServer.StartAsync(failFrom: 4);

        var (code, output, errors) = await OrleansLLMProcess.RunAsync(
            "bench", "serve", "--base-url", server.Url + "/v1", "--backend", "openai-chat", "--num-prompts", "5", "--max-concurrency", "1");

        Assert.Equal(0, code);
        Assert.Contains("Failed requests:                         2", output, StringComparison.Ordinal);
        Assert.Contains("503: too busy for this", errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Chat_sends_the_whole_conversation_each_time()
    {
        await using var server = await FakeOpenAIServer.StartAsync();

        var (code, output, _) = await OrleansLLMProcess.RunAsync(
            ["chat", "--url", server.Url, "--system-prompt", "Be short."], "Hello?\nAnd now?\n/clear\nAgain?\n/exit\n");

        Assert.Equal(0, code);
        Assert.Equal("w0 w1 w2 \nw0 w1 w2 \nw0 w1 w2 \n", output);
        var roles = server.Requests.Select(body => string.Join(' ', body["messages"]!.AsArray().Select(message => message!["role"])));
        Assert.Equal(["system user", "system user assistant user", "system user"], roles);
    }

    [Fact]
    public async Task Ctrl_c_ends_an_answer_and_between_answers_the_program()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no SIGINT.");
        await using var server = await FakeOpenAIServer.StartAsync();
        await using var process = OrleansLLMProcess.StartOpen("chat", "--url", server.Url);

        process.Type("wait");
        await server.Waits.Task.WaitAsync(TestContext.Current.CancellationToken);
        process.Interrupt();
        await process.WaitForAsync(new("^(w0 )? …\n"));
        process.Type("go on");
        await process.WaitForAsync(new("w0 w1 w2 \n"));

        Assert.Equal(130, await process.InterruptUntilEndAsync());
    }

    [Fact]
    public async Task Ctrl_c_ends_a_chat_with_a_model_of_this_machine_too()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no SIGINT.");
        await using var process = OrleansLLMProcess.StartOpen("chat", ReferenceData.Atlas);

        process.Type("What is the climate of Niger?");
        await process.WaitForAsync(new("The climate of Niger is desert.\n"));

        Assert.Equal(130, await process.InterruptUntilEndAsync());
    }

    [Fact]
    public async Task Complete_goes_on_with_a_text()
    {
        await using var server = await FakeOpenAIServer.StartAsync();

        var (code, output, _) = await OrleansLLMProcess.RunAsync(
            "complete", "--url", server.Url, "--quick", "Once", "--max-tokens", "2", "--temperature", "0");

        Assert.Equal((0, "w0 w1 \n"), (code, output));
        Assert.Equal("Once", server.Requests.Single()["prompt"]!.GetValue<string>());
    }

    [Fact]
    public async Task A_server_that_is_not_there_is_said_so()
    {
        var (code, _, errors) = await OrleansLLMProcess.RunAsync("chat", "--url", "http://127.0.0.1:1", "--quick", "Hello");

        Assert.Equal(1, code);
        Assert.Contains("http://127.0.0.1:1/: ", errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"data":[]}""", null, "lists no model")]
    [InlineData("[3]", null, "lists no model")]
    [InlineData("<html>", null, "lists no model")]
    [InlineData("""{"data":[{"id":"fake"}]}""", "<html>", "no chunk of an answer: <html>")]
    [InlineData("""{"data":[{"id":"fake"}]}""", "[]", "no chunk of an answer: []")]
    [InlineData("""{"data":[{"id":"fake"}]}""", """{"choices":[{"delta":{"content":3}}]}""", "no chunk of an answer")]
    [InlineData("""{"data":[{"id":"fake"}]}""", """{"choices":null,"usage":{"prompt_tokens":1,"completion_tokens":"x"}}""", "no chunk of an answer")]
    [InlineData("""{"data":[{"id":"fake"}]}""", """{"error":{"message":"broken inside"}}""", "broken inside")]
    public async Task A_server_that_speaks_otherwise_is_said_so(string models, string? piece, string sentence)
    {
        await using var server = await FakeOpenAIServer.StartAsync(models: models, piece: piece);

        var (code, _, errors) = await OrleansLLMProcess.RunAsync("chat", "--url", server.Url, "--quick", "Hello");
        var bench = await OrleansLLMProcess.RunAsync("bench", "serve", "--base-url", server.Url, "--num-prompts", "1");

        Assert.Equal((1, 1), (code, bench.Code));
        Assert.Contains(sentence, errors, StringComparison.Ordinal);
        Assert.Contains(sentence, bench.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", errors + bench.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("bench serve --request-rate x", "--request-rate takes a number above 0, or inf, not 'x'.")]
    [InlineData("chat --url nowhere", "--url takes an address such as http://127.0.0.1:8000, not 'nowhere'.")]
    [InlineData("bench serve --num-prompts 0", "--num-prompts takes a number from 1 to 1000000")]
    [InlineData("serve models/atlas --api-key ", "--api-key takes a key that is not empty")]
    [InlineData("serve models/atlas --priority-api-key ", "--priority-api-key takes a key that is not empty")]
    [InlineData("serve models/atlas --allowed-hosts chat.example:8000", "without a scheme or a port, not 'chat.example:8000'")]
    [InlineData("serve models/atlas --allowed-origins https://a.example/", "without a path or a slash at the end, not 'https://a.example/'")]
    public async Task A_bad_option_is_refused_with_a_sentence(string arguments, string sentence)
    {
        var (code, _, errors) = await OrleansLLMProcess.RunAsync(arguments.Split(' '));

        Assert.Equal(1, code);
        Assert.Contains(sentence, errors, StringComparison.Ordinal);
    }
}
