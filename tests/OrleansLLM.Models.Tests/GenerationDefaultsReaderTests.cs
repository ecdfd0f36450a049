using OrleansLLM.Files;
using OrleansLLM.Models.Loading;
using OrleansLLM.Testing;

namespace OrleansLLM.Models.Tests;

/// <summary>What ends an answer, and what holds where a request says nothing: of a vocabulary of ten tokens.</summary>
public sealed class GenerationDefaultsReaderTests : IDisposable
{
    private const int Vocabulary = 10;

    private readonly string _folder = Directory.CreateTempSubdirectory("orleansllm").FullName;

    public void Dispose() => Directory.Delete(_folder, true);

    [Theory]
    [InlineData("""{"eos_token_id":3}""", """{"eos_token_id":[4,5]}""", new[] { 3, 4, 5 })]
    [InlineData("""{"eos_token_id":[5,3,5]}""", """{"eos_token_id":3}""", new[] { 5, 3 })]
    [InlineData("""{"eos_token_id":[]}""", """{"eos_token_id":3}""", new[] { 3 })]
    [InlineData("""{"eos_token_id":null}""", """{"eos_token_id":[3]}""", new[] { 3 })]
    [InlineData("{}", """{"eos_token_id":null,"text_config":{"eos_token_id":[7,0]}}""", new[] { 7, 0 })]
    [InlineData("""{"eos_token_id":1}""", """{"eos_token_id":2,"text_config":{"eos_token_id":3}}""", new[] { 1, 2, 3 })]
    [InlineData("""{"eos_token_id":1}""", """{"text_config":{"eos_token_id":null}}""", new[] { 1 })]
    [InlineData("""{"eos_token_id":1}""", """{"text_config":null}""", new[] { 1 })]
    [InlineData(null, """{"eos_token_id":9}""", new[] { 9 })]
    [InlineData(null, "{}", new int[0])]
    public void Every_end_that_either_file_names_counts(string? generation, string config, int[] ends)
    {
        var defaults = Read(generation, config);
        Assert.Equal(ends, defaults.EndIds);
        Assert.Empty(defaults.LeftOut);
    }

    [Theory]
    [InlineData("10")]
    [InlineData("-1")]
    [InlineData("4294967295")]
    [InlineData("9223372036854775807")]
    public void An_id_outside_the_vocabulary_is_left_out_with_a_sentence(string id)
    {
        var listed = Read($$"""{"eos_token_id":[3,{{id}}]}""", "{}");
        Assert.Equal([3], listed.EndIds);
        Assert.Equal([$"{_folder}/generation_config.json: eos_token_id names {id}, but the model's ids go from 0 to 9: left out."], listed.LeftOut);

        var single = Read(null, $$$"""{"eos_token_id":{{{id}}},"text_config":{"eos_token_id":[{{{id}}},4]}}""");
        Assert.Equal([4], single.EndIds);
        Assert.Equal(
            [
                $"{_folder}/config.json: eos_token_id names {id}, but the model's ids go from 0 to 9: left out.",
                $"{_folder}/config.json: text_config.eos_token_id names {id}, but the model's ids go from 0 to 9: left out.",
            ],
            single.LeftOut);
    }

    [Fact]
    public void Of_many_ids_outside_the_vocabulary_some_are_named_and_each_counts_once() => Assert.Equal(
        [$"{_folder}/config.json: eos_token_id names 100, 101, 102, 103, 104, 105, 106, 107 and 92 more, but the model's ids go from 0 to 9: left out."],
        Read(null, $$"""{"eos_token_id":[{{string.Join(',', Enumerable.Range(0, 200).Select(number => 100 + (number / 2)))}}]}""").LeftOut);

    [Theory]
    [InlineData("\"3\"")]
    [InlineData("3.5")]
    [InlineData("true")]
    [InlineData("[[3]]")]
    [InlineData("{}")]
    [InlineData("NaN")]
    [InlineData("[Infinity]")]
    [InlineData("-Infinity")]
    [InlineData("[1e999999]")]
    [InlineData("18446744073709551616")]
    public void What_is_no_id_is_refused_by_name(string value)
    {
        var shown = value.StartsWith('[') ? value[1..^1] : value;
        Assert.Equal(
            $"{_folder}/generation_config.json: eos_token_id must be a token id or a list of them, but there is {shown}",
            Refusal($$"""{"eos_token_id":{{value}}}""", "{}"));
        Assert.Contains(
            "text_config.eos_token_id must be a token id", Refusal(null, $$$"""{"text_config":{"eos_token_id":{{{value}}}}}"""), StringComparison.Ordinal);
    }

    [Fact]
    public void Values_are_read()
    {
        var defaults = Read(
            """{"do_sample":true,"temperature":0.6,"top_p":0.95,"top_k":20,"min_p":0.05,"repetition_penalty":1.1,"max_new_tokens":7,"other":NaN}""", "{}");
        Assert.Equal((true, 0.6f, 0.95f, 20), (defaults.DoSample, defaults.Temperature, defaults.TopP, defaults.TopK));
        Assert.Equal((0.05f, 1.1f, 7), (defaults.MinP, defaults.RepetitionPenalty, defaults.MaxNewTokens));
    }

    /// <summary>What a request's field may not be.</summary>
    [Theory]
    [InlineData("repetition_penalty", "0", "0", "0.01", "100")]
    [InlineData("repetition_penalty", "-1.2", "-1.2", "0.01", "100")]
    [InlineData("repetition_penalty", "101", "101", "0.01", "100")]
    [InlineData("temperature", "-0.5", "-0.5", "0", "2")]
    [InlineData("temperature", "2.5", "2.5", "0", "2")]
    [InlineData("temperature", "NaN", "NaN", "0", "2")]
    [InlineData("temperature", "\"NaN\"", "\"NaN\"", "0", "2")]
    [InlineData("temperature", "Infinity", "Infinity", "0", "2")]
    [InlineData("temperature", "1e999", "1e999", "0", "2")]
    [InlineData("temperature", "-Infinity", "-Infinity", "0", "2")]
    [InlineData("temperature", "\"0.7\"", "\"0.7\"", "0", "2")]
    [InlineData("top_p", "1.5", "1.5", "0", "1")]
    [InlineData("top_p", "[0.5]", "[0.5]", "0", "1")]
    [InlineData("top_k", "-2", "-2", "-1", "2147483647")]
    [InlineData("min_p", "2", "2", "0", "1")]
    [InlineData("max_new_tokens", "0", "0", "1", "1073741824")]
    public void A_default_that_no_request_may_have_is_refused_by_name_and_range(string name, string value, string shown, string least, string most) =>
        Assert.Equal(
            $"{_folder}/generation_config.json: {name} is {shown}; it must be a number from {least} to {most}",
            Refusal($$"""{"{{name}}":{{value}}}""", "{}"));

    [Fact]
    public void A_gguf_files_ends_are_its_keys_and_the_texts_of_its_vocabulary_whatever_the_types()
    {
        string[] tokens = ["<unk>", "<s>", "</s>", "a", "<|im_end|>", "b", "<|eot_id|>", "c", "d", "e"];
        Assert.Equal([2, 4, 6], Gguf(new GgufBuilder().Texts("tokenizer.ggml.tokens", tokens).UInt32("tokenizer.ggml.eos_token_id", 2)));
        Assert.Equal(
            [4, 5, 6],
            Gguf(new GgufBuilder().Texts("tokenizer.ggml.tokens", tokens)
                .Int32s("tokenizer.ggml.token_type", 2, 3, 1, 1, 4, 1, 1, 1, 1, 1)
                .UInt32("tokenizer.ggml.eos_token_id", 4).Int32("tokenizer.ggml.eot_token_id", 5).UInt32("tokenizer.ggml.eom_token_id", 5)));
        Assert.Equal(
            [2],
            Gguf(new GgufBuilder().Texts("tokenizer.ggml.tokens", [.. tokens[..4], "f", "g", "h", .. tokens[7..]])
                .Int32s("tokenizer.ggml.token_type", 2, 3, 3, 1, 1, 1, 1, 1, 1, 1)
                .UInt32("tokenizer.ggml.eos_token_id", 10).UInt32("tokenizer.ggml.eot_token_id", uint.MaxValue).Int32("tokenizer.ggml.eom_token_id", -1)));
        Assert.Throws<FileFormatException>(() => Gguf(new GgufBuilder().Text("tokenizer.ggml.eos_token_id", "</s>")));
    }

    private IReadOnlyList<int> Gguf(GgufBuilder builder)
    {
        var path = Path.Combine(_folder, "a.gguf");
        File.WriteAllBytes(path, builder.Build());
        using var file = GgufFile.Open(path);
        return GenerationDefaultsReader.Read(file, Vocabulary).EndIds;
    }

    private string Refusal(string? generation, string config) => Assert.Throws<FileFormatException>(() => Read(generation, config)).Message;

    private GenerationDefaults Read(string? generation, string config)
    {
        File.WriteAllText(Path.Combine(_folder, "config.json"), config);
        if (generation is not null)
        {
            File.WriteAllText(Path.Combine(_folder, "generation_config.json"), generation);
        }
        else
        {
            File.Delete(Path.Combine(_folder, "generation_config.json"));
        }

        var folder = new FolderFiles(_folder);
        using var document = folder.ReadJson("config.json");
        return GenerationDefaultsReader.Read(folder, document.RootElement, Vocabulary);
    }
}
