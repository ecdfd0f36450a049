using System.Text.Json.Nodes;
using OrleansLLM.Files;
using OrleansLLM.Models;
using OrleansLLM.Testing;
using OrleansLLM.Text;
using OrleansLLM.Text.Tokenizers;

namespace OrleansLLM.Hosting.Tests;

/// <summary>
/// Copies of the bundled model, changed as people's are. Of its 4096 tokens, 0 is <c>&lt;|endoftext|&gt;</c>, 1 <c>&lt;|user|&gt;</c>, 2 <c>&lt;|assistant|&gt;</c> and 3 <c>&lt;|end|&gt;</c>.
/// </summary>
public sealed class ModelTextTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("orleansllm").FullName;

    public ModelTextTests() => Array.ForEach(Directory.GetFiles(ReferenceData.Atlas), file => File.Copy(file, Path.Combine(_folder, Path.GetFileName(file))));

    public void Dispose() => Directory.Delete(_folder, true);

    [Fact]
    public void A_model_as_it_should_be_leaves_nothing_out()
    {
        var text = Read();
        Assert.Equal([3, 0], text.EndTokens);
        Assert.Empty(text.LeftOut);
    }

    [Fact]
    public void Only_the_tokenizers_configuration_may_name_the_end()
    {
        NameEnds(generation: null, config: null);
        Assert.Equal([3, 0], Read().EndTokens);
        Edit("tokenizer_config.json", file => file["eos_token"] = new JsonObject { ["content"] = "<|user|>" });
        Assert.Equal([1, 0, 3], Read().EndTokens);
    }

    [Fact]
    public void Only_the_special_tokens_map_may_name_the_end()
    {
        NameEnds(generation: null, config: null);
        Edit("tokenizer_config.json", file => file.Remove("eos_token"));
        Write("special_tokens_map.json", """{"eos_token":{"content":"<|assistant|>"}}""");
        Assert.Equal([2, 0, 3], Read().EndTokens);
        Assert.Empty(Read().LeftOut);
    }

    [Fact]
    public void All_that_name_an_end_count()
    {
        NameEnds(generation: "[4000,7]", config: "4001");
        Edit("config.json", file => file["text_config"] = new JsonObject { ["eos_token_id"] = 4002 });
        Write("special_tokens_map.json", """{"eos_token":"<|user|>"}""");
        Assert.Equal([4000, 7, 4001, 4002, 3, 1, 0], Read().EndTokens);
    }

    /// <summary>A fine-tune that changed its chat template and nothing else.</summary>
    [Theory]
    [InlineData("<|user|>", new[] { 4000, 1, 0, 3 })]
    [InlineData(null, new[] { 4000, 0, 3 })]
    public void Special_turn_ends_count_where_all_files_name_another(string? named, int[] ends)
    {
        NameEnds(generation: "4000", config: "4000");
        Edit("tokenizer_config.json", file => file["eos_token"] = named);
        Assert.Equal(ends, Read().EndTokens);
        Assert.Empty(Read().LeftOut);
    }

    [Fact]
    public void What_is_no_special_token_ends_no_answer_by_its_text()
    {
        NameEnds(generation: "4000", config: null);
        Array.ForEach(["eos_token", "bos_token", "pad_token"], name => Edit("tokenizer_config.json", file => file.Remove(name)));
        Edit("tokenizer.json", file => Array.ForEach([0, 3], id => file["added_tokens"]![id]!["special"] = false));
        Assert.Equal([4000], Read().EndTokens);
    }

    [Fact]
    public void The_end_of_a_part_of_an_answer_ends_none_where_files_name_it_not()
    {
        NameEnds(generation: "4000", config: null);
        Array.ForEach(["eos_token", "extra_special_tokens"], name => Edit("tokenizer_config.json", file => file.Remove(name)));
        Edit("tokenizer.json", file => Rename(file, ("<|user|>", "<|return|>"), ("<|assistant|>", "<|call|>")));
        Assert.Equal([4000, 0, 1, 2], Read().EndTokens);
    }

    [Fact]
    public void Where_nobody_names_an_end_special_tokens_are_known_by_their_text()
    {
        NameEnds(generation: "[]", config: null);
        Edit("tokenizer_config.json", file => file.Remove("eos_token"));
        var text = Read();
        Assert.Equal([0, 3], text.EndTokens);
        Assert.Equal(["No file names a token that ends an answer: <|endoftext|>, <|end|> will, by the text."], text.LeftOut);
    }

    [Fact]
    public void What_is_none_of_the_models_is_left_out_with_a_sentence()
    {
        NameEnds(generation: "[3,4096]", config: "-1");
        Edit("tokenizer_config.json", file => (file["eos_token"], file["pad_token"]) = ("<|never|>", "<|pad|>"));
        Edit("tokenizer.json", file => file["added_tokens"]!.AsArray().Add(new JsonObject { ["id"] = 4096, ["content"] = "<|extra|>", ["special"] = true }));
        var text = Read();
        Assert.Equal([3, 0], text.EndTokens);
        Assert.Equal(
            [
                $"{_folder}/generation_config.json: eos_token_id names 4096, but the model's ids go from 0 to 4095: left out.",
                $"{_folder}/config.json: eos_token_id names -1, but the model's ids go from 0 to 4095: left out.",
                "The model's ids go from 0 to 4095: these added tokens are left out, and plain text: '<|extra|>' (4096), '<|never|>' (4097), '<|pad|>' (4098).",
                "tokenizer_config.json: eos_token is \"<|never|>\", which is no token of the model: it is left out.",
            ],
            text.LeftOut);
        Assert.All(text.Tokenizer.Encode("<|extra|><|pad|>", [], AddedTokens.PostProcessor), id => Assert.InRange(id, 0, 4095));
    }

    [Fact]
    public void More_ends_than_any_model_has_are_refused()
    {
        NameEnds(generation: $"[{string.Join(',', Enumerable.Range(0, 257))}]", config: null);
        Assert.Contains("names 257 tokens that end an answer; at most 256 can", Assert.Throws<FileFormatException>(Read).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""[{"name":"rag","template":"r"}]""", "of its chat templates (rag) none is the default")]
    [InlineData("""["x"]""", "chat_template[0] has no name and template")]
    [InlineData("""{"default":"{% if %}"}""", "chat template, line 1")]
    public void A_template_that_can_not_be_taken_is_told_to_those_who_chat(string template, string sentence)
    {
        File.Delete(Path.Combine(_folder, "chat_template.jinja"));
        Edit("tokenizer_config.json", file => file["chat_template"] = JsonNode.Parse(template));
        var text = Read();
        var input = new ChatInput([new JsonObject { ["role"] = "user", ["content"] = "x" }], null, true, false, null);
        Assert.Contains(sentence, Assert.Throws<ChatTemplateException>(() => text.Template!.Render(input)).Message, StringComparison.Ordinal);
        Assert.Contains(sentence, Assert.Single(text.LeftOut), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("tokenizer_config.json", "eos_token", "bos_token", "chat_template", "added_tokens_decoder", "additional_special_tokens", "extra_special_tokens", "split_special_tokens")]
    [InlineData("special_tokens_map.json", "eos_token", "unk_token", "additional_special_tokens", "extra_special_tokens")]
    [InlineData("generation_config.json", "eos_token_id", "do_sample", "temperature", "top_p", "top_k", "min_p", "repetition_penalty", "max_new_tokens")]
    [InlineData("config.json", "eos_token_id", "text_config")]
    public void Any_value_of_any_key_is_read_or_told_in_a_sentence(string name, params string[] keys)
    {
        File.Delete(Path.Combine(_folder, "chat_template.jinja"));
        Write("special_tokens_map.json", "{}");
        var sound = File.ReadAllText(Path.Combine(_folder, name));
        string[] values =
        [
            "null", "true", "-1", "3", "1e999", "99999999999999999999", "NaN", "-Infinity", "\"\"", "\"x\"", "[]", "{}", "[null]", "[[1]]", "[\"x\",{}]",
            """{"content":null}""", """{"7":{"content":"x"},"y":7}""", """[{"name":"default","template":"{{"}]""", """{"eos_token_id":{}}""",
        ];
        var read = 0;
        foreach (var (key, value) in keys.SelectMany(key => values.Select(value => (key, value))))
        {
            Write(name, $$"""{"{{key}}":{{value}}{{(sound.Trim() == "{}" ? "" : ",")}}{{Without(sound, key)}}""");
            try
            {
                Assert.All(Read().EndTokens, id => Assert.InRange(id, 0, 4095));
                read++;
            }
            catch (Exception error) when (error is FileFormatException or TokenizerException)
            {
                Assert.Contains(_folder, error.Message, StringComparison.Ordinal);
            }
        }

        Assert.InRange(read, 1, (keys.Length * values.Length) - 1);
    }

    [Fact]
    public void Templates_see_tokens_that_only_the_special_tokens_map_names()
    {
        Edit("tokenizer_config.json", file => file.Remove("bos_token"));
        Write("special_tokens_map.json", """{"bos_token":"<|user|>"}""");
        Write("chat_template.jinja", "{{ bos_token }}");
        var input = new ChatInput([new JsonObject { ["role"] = "user", ["content"] = "x" }], null, true, false, null);
        Assert.Equal("<|user|>", Read().Template!.Render(input).Text);
    }

    [Fact]
    public void A_gguf_files_ids_outside_its_vocabulary_are_left_out_with_a_sentence()
    {
        var text = Gguf(Header().UInt32("tokenizer.ggml.bos_token_id", 1).UInt32("tokenizer.ggml.eos_token_id", 2).UInt32("tokenizer.ggml.eot_token_id", 32007)
            .UInt32("tokenizer.ggml.padding_token_id", uint.MaxValue).UInt64("tokenizer.ggml.mask_token_id", (1L << 32) + 3).Text("tokenizer.chat_template", "{{ pad_token }}"));
        Assert.Equal([2, 6], text.EndTokens);
        Assert.Equal(
            [
                $"{_folder}/a.gguf: tokenizer.ggml.eot_token_id is 32007, but the model's ids go from 0 to 7: it is left out.",
                $"{_folder}/a.gguf: tokenizer.ggml.mask_token_id is 4294967299, but the model's ids go from 0 to 7: it is left out.",
            ],
            text.LeftOut);
    }

    private static GgufBuilder Header()
    {
        var builder = new GgufBuilder()
            .Text("general.architecture", "llama").UInt32("llama.embedding_length", 2).UInt32("llama.block_count", 1)
            .UInt32("llama.attention.head_count", 1).UInt32("llama.feed_forward_length", 2).UInt32("llama.context_length", 16)
            .Float32("llama.attention.layer_norm_rms_epsilon", 1e-5f)
            .Text("tokenizer.ggml.model", "gpt2").Text("tokenizer.ggml.pre", "gpt-2").Texts("tokenizer.ggml.merges")
            .Texts("tokenizer.ggml.tokens", "<unk>", "<s>", "</s>", "a", "b", "c", "<|im_end|>", "d")
            .Tensor("token_embd.weight", 0, new byte[2 * 8 * sizeof(float)], 2, 8);
        foreach (var norm in new[] { "output_norm", "blk.0.attn_norm", "blk.0.ffn_norm" })
        {
            builder.Tensor($"{norm}.weight", 0, new byte[2 * sizeof(float)], 2);
        }

        foreach (var linear in new[] { "attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down" })
        {
            builder.Tensor($"blk.0.{linear}.weight", 0, new byte[4 * sizeof(float)], 2, 2);
        }

        return builder;
    }

    private ModelText Gguf(GgufBuilder builder)
    {
        var path = Path.Combine(_folder, "a.gguf");
        File.WriteAllBytes(path, builder.Build());
        using var file = ModelFile.Open(path);
        return ModelText.Read(file);
    }

    /// <summary>What stands behind the brace.</summary>
    private static string Without(string json, string key)
    {
        var file = JsonNode.Parse(json)!.AsObject();
        file.Remove(key);
        return file.ToJsonString()[1..];
    }

    private ModelText Read()
    {
        using var file = ModelFile.Open(_folder);
        return ModelText.Read(file);
    }

    private void NameEnds(string? generation, string? config)
    {
        Edit("generation_config.json", file => file["eos_token_id"] = JsonNode.Parse(generation ?? "null"));
        Edit("config.json", file => file["eos_token_id"] = JsonNode.Parse(config ?? "null"));
    }

    /// <summary>Gives added tokens other texts, and the vocabulary's with them.</summary>
    private static void Rename(JsonObject file, params (string Old, string New)[] names)
    {
        foreach (var (old, name) in names)
        {
            var token = file["added_tokens"]!.AsArray().Single(token => token!["content"]!.GetValue<string>() == old)!;
            token["content"] = name;
            var vocabulary = file["model"]!["vocab"]!.AsObject();
            if (vocabulary.Remove(old))
            {
                vocabulary[name] = token["id"]!.DeepClone();
            }
        }
    }

    private void Edit(string name, Action<JsonObject> change)
    {
        var file = JsonNode.Parse(File.ReadAllText(Path.Combine(_folder, name)))!.AsObject();
        change(file);
        Write(name, file.ToJsonString());
    }

    private void Write(string name, string text) => File.WriteAllText(Path.Combine(_folder, name), text);
}
