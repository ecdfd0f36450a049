using System.Text.Json.Nodes;
using OrleansLLM.Files;
using OrleansLLM.Testing;
using OrleansLLM.Text.Tokenizers;

namespace OrleansLLM.Text.Tests.Tokenizers;

/// <summary>A model's tokenizer as people have it: what its other files add, and ids that the model has no rows for.</summary>
public sealed class TokenizerLoaderTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("orleansllm").FullName;

    public void Dispose() => Directory.Delete(_folder, true);

    [Fact]
    public void Tokens_that_only_the_special_tokens_map_names_are_special()
    {
        Write("tokenizer.json", SmallTokenizers.ByteLevelFile());
        Write("special_tokens_map.json", """
            {"eos_token": "hello", "unk_token": {"content": "<u>", "lstrip": true}, "pad_token": null,
             "additional_special_tokens": ["<|x|>", {"content": "<|y|>"}], "extra_special_tokens": {"image_token": "<|z|>"}}
            """);
        var tokenizer = Load();

        var first = tokenizer.VocabularySize - 4;
        Assert.Equal([259, first, first + 1, first + 2, first + 3], Ids(tokenizer, "hello", "<u>", "<|x|>", "<|y|>", "<|z|>"));
        Assert.All(Ids(tokenizer, "hello", "<u>", "<|x|>", "<|y|>", "<|z|>"), id => Assert.True(tokenizer.IsSpecial(id)));
        Assert.Equal([97, first + 1, 98], tokenizer.Encode("a<|x|>b", [], AddedTokens.None));
        Assert.Equal("ab", tokenizer.Decode([97, first + 1, 98], SpecialTokens.Skip));
        Assert.DoesNotContain(first + 1, tokenizer.Encode("a<|x|>b", [new TextSpan(0, 7)], AddedTokens.None));
    }

    /// <summary>As transformers: the map, but where tokenizer_config.json lists the added tokens.</summary>
    [Theory]
    [InlineData("""{"eos_token":"<c>"}""", "<m>", "<c>")]
    [InlineData("""{"eos_token":"<c>","added_tokens_decoder":{}}""", "<c>", "<m>")]
    [InlineData("""{"added_tokens_decoder":{}}""", "<m>", "<c>")]
    public void Of_a_token_that_both_files_name_one_counts(string config, string counts, string other)
    {
        Write("tokenizer.json", SmallTokenizers.ByteLevelFile());
        Write("tokenizer_config.json", config);
        Write("special_tokens_map.json", """{"eos_token":"<m>"}""");
        var tokenizer = Load();
        Assert.True(tokenizer.TryGetId(counts, out _));
        Assert.False(tokenizer.TryGetId(other, out _));
    }

    [Theory]
    [InlineData("tokenizer_config.json")]
    [InlineData("special_tokens_map.json")]
    public void An_added_token_is_special_where_either_file_names_it_though_tokenizer_json_says_otherwise(string name)
    {
        Write("tokenizer.json", SmallTokenizers.ByteLevelFile());
        Write(name, """{"additional_special_tokens":["<tool>"]}""");
        Assert.False(Load().IsSpecial(263));
        Write(name, """{"eos_token":"<tool>"}""");
        var tokenizer = Load();
        Assert.True(tokenizer.IsSpecial(263));
        Assert.Equal([97, 263, 98], tokenizer.Encode("a<tool>b", [], AddedTokens.None));
        Assert.DoesNotContain(263, tokenizer.Encode("a<tool>b", [new TextSpan(0, 8)], AddedTokens.None));
        Assert.Equal("ab", tokenizer.Decode([97, 263, 98], SpecialTokens.Skip));
    }

    [Fact]
    public void Tokens_are_found_as_added_tokens_decoder_says_and_stay_special()
    {
        Write("tokenizer.json", SmallTokenizers.ByteLevelFile());
        Write("tokenizer_config.json", """
            {"added_tokens_decoder":{"263":{"content":"<tool>","lstrip":true,"rstrip":true,"normalized":false},"261":{"content":"<|s|>","special":false}}}
            """);
        var tokenizer = Load();
        Assert.Equal([97, 263, 98], tokenizer.Encode("a <tool> b", [], AddedTokens.None));
        Assert.True(tokenizer.IsSpecial(261));
        Assert.False(tokenizer.IsSpecial(263));
        Assert.Equal(264, tokenizer.VocabularySize);
    }

    [Fact]
    public void An_added_token_without_a_row_is_left_out_and_is_plain_text()
    {
        var file = SmallTokenizers.ByteLevelFile();
        Write("tokenizer.json", file);
        Write("tokenizer_config.json", """{"pad_token":"<pad>"}""");
        var all = Load();
        Assert.Equal((265, 0), (all.VocabularySize, all.LeftOut.Count));

        var tokenizer = Load(maxVocabulary: 263);
        Assert.Equal(263, tokenizer.VocabularySize);
        Assert.Equal(
            ["The model's ids go from 0 to 262: these added tokens are left out, and plain text: '<tool>' (263), '<pad>' (264)."],
            tokenizer.LeftOut);
        Assert.Equal("<tool><pad>", tokenizer.Decode([.. tokenizer.Encode("<tool><pad>", [], AddedTokens.None)], SpecialTokens.Skip));
        Assert.All(tokenizer.Encode("<tool><pad>", [], AddedTokens.None), id => Assert.InRange(id, 0, 262));
        Assert.Equal([261], tokenizer.Encode("<|s|>", [], AddedTokens.None));
    }

    [Fact]
    public void Of_many_tokens_without_rows_some_are_named_and_each_counts_once()
    {
        var file = SmallTokenizers.ByteLevelFile();
        var names = Enumerable.Range(0, 1000).Select(number => $"<{number}>").ToArray();
        Array.ForEach(names, name => file["added_tokens"]!.AsArray().Add(new JsonObject { ["id"] = 0, ["content"] = name, ["special"] = true }));
        Write("tokenizer.json", file);
        Write("special_tokens_map.json", """{"additional_special_tokens":["<0>","<1>"]}""");
        Assert.EndsWith("'<6>' (270), '<7>' (271) and 992 more.", Assert.Single(Load(maxVocabulary: 264).LeftOut), StringComparison.Ordinal);
    }

    [Fact]
    public void A_vocabulary_larger_than_the_models_is_refused_by_its_last_token()
    {
        Write("tokenizer.json", SmallTokenizers.ByteLevelFile());
        Assert.Equal(261, Load(maxVocabulary: 261).VocabularySize);
        var error = Assert.Throws<TokenizerException>(() => Load(maxVocabulary: 260));
        Assert.StartsWith(
            $"{_folder}/tokenizer.json: the model's vocabulary has the token 'Ġw' with the id 260, but the model's ids go from 0 to 259: ", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<b>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],"pair":[{"Sequence":{"id":"A","type_id":0}}],"special_tokens":{"<b>":{"id":"<b>","ids":[270],"tokens":["<b>"]}}}""")]
    [InlineData("""{"type":"Sequence","processors":[{"type":"ByteLevel"},{"type":"BertProcessing","sep":["x",0],"cls":["<b>",270]}]}""")]
    public void A_post_processor_that_adds_an_id_beyond_the_models_is_refused(string processor)
    {
        var file = SmallTokenizers.ByteLevelFile();
        file["post_processor"] = JsonNode.Parse(processor);
        Write("tokenizer.json", file);
        Assert.Equal(270, Load(maxVocabulary: 271).Encode("a", [], AddedTokens.PostProcessor)[0]);
        var error = Assert.Throws<TokenizerException>(() => Load(maxVocabulary: 270));
        Assert.Contains("the post_processor adds a token with the id 270 to every text, but the model's ids go from 0 to 269", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Words_of_python_in_any_of_its_files_are_read()
    {
        var file = SmallTokenizers.ByteLevelFile().ToJsonString();
        Write("tokenizer.json", $$"""{"padding":{"length":Infinity},"scores":[NaN,-Infinity],{{file[1..]}}""");
        Write("tokenizer_config.json", """{"model_max_length":Infinity,"pad_token":"<pad>"}""");
        Write("special_tokens_map.json", """{"weight":NaN,"cls_token":"<cls>"}""");
        var tokenizer = Load();
        Assert.Equal("hello", tokenizer.Decode([.. tokenizer.Encode("hello", [], AddedTokens.None)], SpecialTokens.Skip));
        Assert.True(tokenizer.TryGetId("<pad>", out _) && tokenizer.TryGetId("<cls>", out _));
        Assert.Equal(tokenizer.Encode("NaN Infinity", [], AddedTokens.None).Count, "NaN Infinity".Length);
    }

    [Theory]
    [InlineData("tokenizer.json", """{"padding":NaN,"model":{oops}}""", "tokenizer.json is no valid JSON")]
    [InlineData("tokenizer.json", """{"padding":Nan}""", "tokenizer.json is no valid JSON")]
    [InlineData("tokenizer.json", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "is a Git LFS pointer")]
    [InlineData("tokenizer_config.json", "[]", "is a JSON Array, an object is needed")]
    [InlineData("tokenizer_config.json", "version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer")]
    [InlineData("special_tokens_map.json", """{"a":NaN,"b":}""", "is not sound JSON")]
    [InlineData("special_tokens_map.json", """{"eos_token":{}}""", "special_tokens_map.json has no 'content'")]
    [InlineData("tokenizer_config.json", """{"eos_token":{"content":1}}""", "tokenizer_config.json.content is 1, a string is expected")]
    public void What_can_not_be_read_is_told_in_a_sentence(string name, string text, string sentence)
    {
        Write("tokenizer.json", SmallTokenizers.ByteLevelFile());
        Write(name, text);
        Assert.Contains(sentence, Assert.Throws<TokenizerException>(() => Load()).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("tokenizer.json")]
    [InlineData("tokenizer_config.json")]
    [InlineData("special_tokens_map.json")]
    public void A_link_out_of_the_folder_is_told(string name)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Links need rights on Windows.");
        Write("tokenizer.json", SmallTokenizers.ByteLevelFile());
        File.Delete(Path.Combine(_folder, name));
        File.CreateSymbolicLink(Path.Combine(_folder, name), "/etc/hostname");
        Assert.Contains("leads out of the model's folder", Assert.Throws<TokenizerException>(() => Load()).Message, StringComparison.Ordinal);
    }

    /// <summary>A folder in a file's place may not be read as one, whoever asks.</summary>
    [Fact]
    public void A_file_that_may_not_be_read_is_told_in_a_sentence()
    {
        Assert.Contains("has no tokenizer.json", Assert.Throws<TokenizerException>(() => Load()).Message, StringComparison.Ordinal);
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has other rights.");
        Write("tokenizer.json", SmallTokenizers.ByteLevelFile());
        Directory.CreateDirectory(Path.Combine(_folder, "real"));
        File.CreateSymbolicLink(Path.Combine(_folder, "tokenizer_config.json"), "real");
        Assert.StartsWith($"{_folder}/tokenizer_config.json: can't be read (", Assert.Throws<TokenizerException>(() => Load()).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(3)]
    public void A_gguf_files_turn_end_is_special_whatever_its_type(int type)
    {
        using var tokenizer = new GgufText(_folder, new GgufBuilder().Int32s("tokenizer.ggml.token_type", [1, 1, type, 1, 1, 1, 1]));
        Assert.True(tokenizer.Text.IsSpecial(2));
        Assert.Equal([0, 2, 1], tokenizer.Text.Encode("a<|end|>b", [], AddedTokens.None));
        Assert.Equal("ab", tokenizer.Text.Decode([0, 2, 1], SpecialTokens.Skip));
        Assert.DoesNotContain(2, tokenizer.Text.Encode("a<|end|>b", [new TextSpan(0, 9)], AddedTokens.None));
    }

    [Theory]
    [InlineData(null)]
    [InlineData(1)]
    public void Merges_that_make_a_turn_end_make_none_of_what_users_wrote(int? type)
    {
        var builder = type is { } given ? new GgufBuilder().Int32s("tokenizer.ggml.token_type", [1, 1, given, 1, 1, 1, 1]) : new GgufBuilder();
        using var tokenizer = new GgufText(_folder, builder, "<| end|>", "<|end|> a", "a b");
        Assert.Equal([6], tokenizer.Text.Encode("ab", [], AddedTokens.None));
        Assert.DoesNotContain(2, tokenizer.Text.Encode("<|end|>", [new TextSpan(0, 7)], AddedTokens.None));
    }

    [Fact]
    public void A_gguf_files_special_id_outside_its_vocabulary_names_none()
    {
        using (var tokenizer = new GgufText(_folder, new GgufBuilder().UInt32("tokenizer.ggml.bos_token_id", 7).UInt32("tokenizer.ggml.eos_token_id", uint.MaxValue)))
        {
            Assert.Equal([0], tokenizer.Text.Encode("a", [], AddedTokens.PostProcessor));
        }

        var error = Assert.Throws<TokenizerException>(() => new GgufText(
            _folder, new GgufBuilder().UInt32("tokenizer.ggml.bos_token_id", 32007).Bool("tokenizer.ggml.add_bos_token", true)).Dispose());
        Assert.Contains("tokenizer.ggml.add_bos_token is set, but tokenizer.ggml.bos_token_id is 32007", error.Message, StringComparison.Ordinal);
    }

    private static IEnumerable<int> Ids(TextTokenizer tokenizer, params string[] tokens) =>
        tokens.Select(token => tokenizer.TryGetId(token, out var id) ? id : -1);

    private TextTokenizer Load(int maxVocabulary = int.MaxValue) => TokenizerLoader.FromFolder(_folder, maxVocabulary);

    private void Write(string name, JsonObject json) => Write(name, json.ToJsonString());

    private void Write(string name, string text) => File.WriteAllText(Path.Combine(_folder, name), text);

    /// <summary>A byte-level vocabulary in a GGUF file: a, b, the turn end and its parts.</summary>
    private sealed class GgufText : IDisposable
    {
        private readonly GgufFile _file;

        public GgufText(string folder, GgufBuilder builder, params string[] merges)
        {
            var path = Path.Combine(folder, "a.gguf");
            File.WriteAllBytes(path, builder
                .Text("general.architecture", "llama").Text("tokenizer.ggml.model", "gpt2").Text("tokenizer.ggml.pre", "gpt-2")
                .Texts("tokenizer.ggml.tokens", "a", "b", "<|end|>", "<|", "end|>", "<|end|>a", "ab")
                .Texts("tokenizer.ggml.merges", merges)
                .Build());
            _file = GgufFile.Open(path);
            try
            {
                Text = TokenizerLoader.FromGguf(_file);
            }
            catch
            {
                _file.Dispose();
                throw;
            }
        }

        public TextTokenizer Text { get; }

        public void Dispose() => _file.Dispose();
    }
}
