using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using OrleansLLM.Testing;

namespace OrleansLLM.Cli.Tests;

/// <summary>Model folders as people have them, by the program as they run it.</summary>
public sealed class ModelFolderTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("orleansllm").FullName;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_root, true);

    /// <summary>A mounted volume behind a link, one shard without an index, Python's words, ids that are not there, and an end that only the tokenizer names.</summary>
    [Fact]
    public async Task All_of_them_at_once_serve()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Links need rights on Windows.");
        var mount = Copy("mount", "..1");
        Edit(mount, "config.json", file => file["eos_token_id"] = 4096);
        File.WriteAllText(Path.Combine(mount, "generation_config.json"), """{"do_sample":false,"eos_token_id":[],"scale":NaN}""");
        File.Move(Path.Combine(mount, "model.safetensors"), Path.Combine(mount, "model-00001-of-00001.safetensors"));
        File.CreateSymbolicLink(Path.Combine(_root, "mount", "..data"), "..1");
        foreach (var file in Directory.GetFiles(mount).Select(path => Path.GetFileName(path)))
        {
            File.CreateSymbolicLink(Path.Combine(_root, "mount", file), Path.Combine("..data", file));
        }

        var link = Path.Combine(_root, "short");
        File.CreateSymbolicLink(link, "mount");
        await using var server = await RunningServer.StartReadyAsync(link + "/", "--served-model-name", "short");
        var answer = await server.PostAsync("v1/chat/completions", ServeTests.Question("What is the climate of Niger?"));

        Assert.Equal("The climate of Niger is desert.", answer["choices"]![0]!["message"]!["content"]!.GetValue<string>());
        Assert.Equal("stop", answer["choices"]![0]!["finish_reason"]!.GetValue<string>());
        Assert.Contains($"{link}/config.json: eos_token_id names 4096, but the model's ids go from 0 to 4095: left out.", server.Process.Output, StringComparison.Ordinal);
        var inspected = await OrleansLLMProcess.RunAsync("inspect", link);
        Assert.Matches(@"End tokens +3, 0\s", inspected.Output);
    }

    [Fact]
    public async Task Without_a_default_among_the_chat_templates_chat_is_told_so_and_completions_work()
    {
        var folder = Copy("model");
        File.Delete(Path.Combine(folder, "chat_template.jinja"));
        Edit(folder, "tokenizer_config.json", file => file["chat_template"] = JsonNode.Parse("""[{"name":"rag","template":"x"}]"""));
        await using var server = await RunningServer.StartReadyAsync(folder);

        using var chat = await server.Http.PostAsJsonAsync("v1/chat/completions", ServeTests.Question("x"), Cancellation);
        Assert.Equal(HttpStatusCode.BadRequest, chat.StatusCode);
        Assert.Contains("of its chat templates (rag) none is the default", await chat.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
        var completion = await server.PostAsync("v1/completions", new JsonObject { ["prompt"] = "The", ["max_tokens"] = 2 });
        Assert.Equal(2, completion["usage"]!["completion_tokens"]!.GetValue<int>());
    }

    [Theory]
    [InlineData("tokenizer.json")]
    [InlineData("tokenizer_config.json")]
    [InlineData("config.json")]
    [InlineData("model.safetensors")]
    public async Task A_file_that_may_not_be_read_is_told_in_a_sentence_by_each_command(string name)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Links need rights on Windows.");
        var folder = Copy("model");
        File.Delete(Path.Combine(folder, name));
        Directory.CreateDirectory(Path.Combine(folder, "locked"));
        File.CreateSymbolicLink(Path.Combine(folder, name), "locked"); // nobody may read a folder as a file, not even root
        string[][] commands = [["tokenize", folder, "x"], ["complete", folder, "--quick", "x"], ["serve", folder, "--port", "0"]];
        foreach (var command in commands)
        {
            var (code, output, errors) = await OrleansLLMProcess.RunAsync(command);
            Assert.Equal(1, code);
            Assert.Contains(Path.Combine(folder, name), errors, StringComparison.Ordinal);
            Assert.DoesNotContain("   at ", output + errors, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("generation_config.json", """{"repetition_penalty":0}""", "generation_config.json: repetition_penalty is 0; it must be a number from 0.01 to 100")]
    [InlineData("model.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 6302472\n", "model.safetensors: is a Git LFS pointer")]
    public async Task What_can_not_be_served_is_refused_at_the_start_by_name(string name, string text, string sentence)
    {
        var folder = Copy("model");
        File.WriteAllText(Path.Combine(folder, name), text);
        var (code, _, errors) = await OrleansLLMProcess.RunAsync("serve", folder, "--port", "0");
        Assert.Equal(1, code);
        Assert.Contains(sentence, errors, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("inspect", "")]
    [InlineData("tokenize", "", "x")]
    [InlineData("serve", "", "--port", "0")]
    [InlineData("chat", "", "--quick", "x")]
    [InlineData("complete", "", "--quick", "x")]
    [InlineData("bench", "throughput", "")]
    public async Task An_empty_path_is_told_in_a_sentence_by_each_command(params string[] command)
    {
        var (code, output, errors) = await OrleansLLMProcess.RunAsync(command);
        Assert.Equal(1, code);
        Assert.Contains("\"\": is an empty path; give a Hugging Face folder or a GGUF file", errors, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", output + errors, StringComparison.Ordinal);
    }

    private static void Edit(string folder, string name, Action<JsonObject> change)
    {
        var file = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, name)))!.AsObject();
        change(file);
        File.WriteAllText(Path.Combine(folder, name), file.ToJsonString());
    }

    private string Copy(params string[] name)
    {
        var folder = Directory.CreateDirectory(Path.Combine([_root, .. name])).FullName;
        Array.ForEach(Directory.GetFiles(ReferenceData.Atlas), file => File.Copy(file, Path.Combine(folder, Path.GetFileName(file))));
        return folder;
    }
}
