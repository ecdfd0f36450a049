using OrleansLLM.Files;
using OrleansLLM.Testing;
using OrleansLLM.Text.Tokenizers;

namespace OrleansLLM.Text.Tests.Tokenizers;

/// <summary>Which ids stand around a text of a GGUF file's model: those that it names, where they are its vocabulary's.</summary>
public sealed class GgufSpecialIdTests : IDisposable
{
    private const string BosKey = "tokenizer.ggml.bos_token_id";
    private const string EosKey = "tokenizer.ggml.eos_token_id";

    private static readonly string[] Tokens = ["<unk>", "<s>", "</s>", "<x>", "a", "\u2581", "\u2581a"];

    private readonly string _folder = Directory.CreateTempSubdirectory("orleansllm").FullName;

    public static TheoryData<string, int[]> Kinds => new() { { "llama", [6] }, { "gpt2", [4] } };

    public void Dispose() => Directory.Delete(_folder, true);

    [Theory]
    [MemberData(nameof(Kinds))]
    public void The_ids_that_the_file_names_stand_around_a_text(string kind, int[] text) =>
        Assert.Equal([3, .. text, 1], Encode(kind, file => file.UInt32(BosKey, 3).UInt32(EosKey, 1).Bool("tokenizer.ggml.add_eos_token", true)));

    [Fact]
    public void Without_keys_sentencepiece_has_ids_of_its_own_and_byte_level_has_none()
    {
        Assert.Equal([1, 6], Encode("llama", file => file));
        Assert.Equal([1, 6, 2], Encode("llama", file => file.Bool("tokenizer.ggml.add_eos_token", true)));
        Assert.Equal([4], Encode("gpt2", file => file));
    }

    /// <summary>-1, which is written as the largest of 32 bits, says that there is none.</summary>
    [Theory]
    [MemberData(nameof(Kinds))]
    public void An_id_outside_the_vocabulary_is_left_out_and_no_other_takes_its_place(string kind, int[] text) =>
        Assert.All([7u, 32007u, uint.MaxValue], id => Assert.Equal(text, Encode(kind, file => file.UInt32(BosKey, id).UInt32(EosKey, id))));

    [Theory]
    [InlineData("llama", BosKey, "bos")]
    [InlineData("llama", EosKey, "eos")]
    [InlineData("gpt2", BosKey, "bos")]
    [InlineData("gpt2", EosKey, "eos")]
    public void A_file_that_asks_for_a_token_and_names_one_outside_its_vocabulary_is_refused_by_name(string kind, string key, string name)
    {
        var error = Assert.Throws<TokenizerException>(() => Encode(kind, file => file.UInt32(key, 32007).Bool($"tokenizer.ggml.add_{name}_token", true)));
        Assert.EndsWith(
            $"tokenizer.ggml.add_{name}_token is set, but {key} is 32007; it must be one of the vocabulary's 7 tokens", error.Message, StringComparison.Ordinal);
    }

    private IReadOnlyList<int> Encode(string kind, Func<GgufBuilder, GgufBuilder> change)
    {
        var builder = new GgufBuilder().Text("general.architecture", "llama")
            .Text("tokenizer.ggml.model", kind).Text("tokenizer.ggml.pre", "llama-bpe").Texts("tokenizer.ggml.tokens", Tokens)
            .Texts("tokenizer.ggml.merges").Float32s("tokenizer.ggml.scores", 0, 0, 0, 0, -1, -2, -3).Int32s("tokenizer.ggml.token_type", 2, 3, 3, 3, 1, 1, 1);
        var path = Path.Combine(_folder, "a.gguf");
        File.WriteAllBytes(path, change(builder).Build());
        using var file = GgufFile.Open(path);
        return TokenizerLoader.FromGguf(file).Encode("a", [], AddedTokens.PostProcessor);
    }
}
