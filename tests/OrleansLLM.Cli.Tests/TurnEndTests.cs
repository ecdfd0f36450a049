using System.Text.Json.Nodes;
using OrleansLLM.Testing;

namespace OrleansLLM.Cli.Tests;

/// <summary>Where a GGUF model's answers end, by the program as people run it. The model goes from a to b, c, an end, d, e and on with e.</summary>
public sealed class TurnEndTests : IDisposable
{
    private const int Normal = 1;
    private const int Control = 3;
    private const int UserDefined = 4;

    private readonly string _file = Path.Combine(Directory.CreateTempSubdirectory("orleansllm").FullName, "chain.gguf");

    public void Dispose() => Directory.Delete(Path.GetDirectoryName(_file)!, true);

    [Theory]
    [InlineData("<|im_end|>", Control)]
    [InlineData("<|im_end|>", UserDefined)]
    [InlineData("<|im_end|>", Normal)]
    [InlineData("<end_of_turn>", Normal)]
    [InlineData("</s>", Control)]
    public async Task A_turns_end_ends_an_answer_unseen_whatever_its_type(string end, int type)
    {
        var answer = await AnswerAsync(end, type);
        Assert.Equal("bc stop", answer);
    }

    [Theory]
    [InlineData("</s>", Normal)]
    [InlineData("<|im_start|>", Normal)]
    [InlineData("<|im_start|>", UserDefined)]
    public async Task What_is_no_turns_end_is_text(string token, int type)
    {
        var answer = await AnswerAsync(token, type);
        Assert.Equal($"bc{token}dee length", answer);
    }

    [Fact]
    public async Task An_end_outside_the_vocabulary_is_left_out_with_a_line_in_the_log_and_the_others_end_answers()
    {
        var answer = await AnswerAsync(
            "<|im_end|>", Normal, file => file.UInt32("tokenizer.ggml.eos_token_id", 2).UInt32("tokenizer.ggml.eot_token_id", 32007),
            $"{_file}: tokenizer.ggml.eot_token_id is 32007, but the model's ids go from 0 to 6: it is left out.");
        Assert.Equal("b stop", answer);
    }

    private async Task<string> AnswerAsync(string end, int type, Func<GgufBuilder, GgufBuilder>? more = null, string line = "Serving")
    {
        var tokens = new[] { ("a", Normal), ("b", Normal), ("c", Normal), (end, type), ("d", Normal), ("e", Normal), ("f", Normal) };
        await File.WriteAllBytesAsync(_file, ChainModel.Build(tokens, token => Math.Min(token + 1, 5), more), TestContext.Current.CancellationToken);
        await using var server = await RunningServer.StartReadyAsync(_file);
        var answer = await server.PostAsync(
            "v1/completions", new JsonObject { ["prompt"] = new JsonArray(0), ["max_tokens"] = 6, ["temperature"] = 0 });
        Assert.Contains(line, server.Process.Output, StringComparison.Ordinal);
        var choice = answer["choices"]![0]!;
        return $"{choice["text"]} {choice["finish_reason"]}";
    }
}
