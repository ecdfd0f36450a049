using OrleansLLM.Files;
using OrleansLLM.Models.Configuration;
using OrleansLLM.Testing;

namespace OrleansLLM.Models.Tests;

/// <summary>What a GGUF header means, whatever integer type its writer chose.</summary>
public sealed class GgufConfigurationTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();

    [Fact]
    public void Sizes_may_have_any_integer_type()
    {
        var config = Configure(Header().UInt64("llama.feed_forward_length", 96).Int32("llama.context_length", 77));
        Assert.Equal((64, 96, 77, 4, 50), (config.Width, config.Inner, config.MaxLength, config.KeyHeads, config.Vocabulary));
        Assert.Equal((16, 10000), (config.HeadWidth, config.Rope!.Theta));
    }

    [Fact]
    public void A_list_of_one_value_a_layer_is_that_value_where_all_layers_agree()
    {
        Assert.Equal(2, Configure(Whole().Int32s("llama.attention.head_count_kv", 2, 2, 2)).KeyHeads);
        var error = Assert.Throws<UnsupportedModelException>(() => Configure(Whole().Int32s("llama.attention.head_count_kv", 2, 2, 4)));
        Assert.Contains("llama.attention.head_count_kv differs from layer to layer ([2, 2, 4])", error.Message, StringComparison.Ordinal);
        Assert.Throws<UnsupportedModelException>(() => Configure(Whole().Int32s("llama.attention.head_count_kv")));
    }

    [Theory]
    [InlineData("llama", 0u)]
    [InlineData("mixtral", 8u)]
    public void Experts_tell_mixtral_from_llama_and_both_have_the_base_of_llama_cpp(string name, uint experts)
    {
        var config = Configure(Whole().UInt32("llama.expert_count", experts));
        Assert.Equal((name, 10000), (config.Architecture, config.Rope!.Theta));
    }

    [Fact]
    public void Scaling_takes_the_old_and_the_new_keys()
    {
        Assert.Equal((RopeScaling.Linear, 4), Scaling(Whole().Float32("llama.rope.scale_linear", 4)));
        Assert.Equal((RopeScaling.Linear, 4), Scaling(Whole().Float32("llama.rope.scaling.factor", 4)));
        Assert.Equal((RopeScaling.Linear, 4), Scaling(Whole().Text("llama.rope.scaling.type", "linear").Float32("llama.rope.scaling.factor", 4)));
        Assert.Equal((RopeScaling.Default, 1), Scaling(Whole().Text("llama.rope.scaling.type", "none").Float32("llama.rope.scaling.factor", 4)));
        Assert.Equal((RopeScaling.Default, 1), Scaling(Whole().Text("llama.rope.scaling.type", "linear")));
        Assert.Equal((RopeScaling.Yarn, 4), Scaling(Whole().Text("llama.rope.scaling.type", "yarn").Float32("llama.rope.scaling.factor", 4)));
    }

    [Fact]
    public void What_can_not_be_is_refused_by_its_key()
    {
        Refused("llama.rope.freq_base", Whole().Float32("llama.rope.freq_base", float.NaN));
        Refused("llama.rope.freq_base", Whole().Float32("llama.rope.freq_base", float.PositiveInfinity));
        Refused("llama.rope.scaling.factor", Whole().Float32("llama.rope.scaling.factor", -1));
        Refused("llama.attention.head_count_kv", Whole().UInt32("llama.attention.head_count_kv", 0));
        Refused("llama.attention.head_count_kv", Whole().Text("llama.attention.head_count_kv", "2"));
        Refused("llama.attention.head_count_kv", Whole().UInt64("llama.attention.head_count_kv", ulong.MaxValue));
        Refused("llama.expert_count", Whole().UInt32("llama.expert_count", uint.MaxValue));
        Refused("llama.feed_forward_length is missing", Header());
    }

    public void Dispose() => File.Delete(_path);

    [Theory]
    [InlineData(49)]
    [InlineData(51)]
    [InlineData(0)]
    public void A_vocabulary_has_a_token_for_every_row_of_the_embedding(int tokens)
    {
        var names = Enumerable.Range(0, 50).Select(id => $"t{id}").ToArray();
        Assert.Equal(50, Configure(Whole().Texts("tokenizer.ggml.tokens", names)).Vocabulary);
        Refused(
            $"tokenizer.ggml.tokens names {tokens} tokens, but token_embd.weight has 50 rows",
            Whole().Texts("tokenizer.ggml.tokens", [.. names.Append("more").Take(tokens)]));
    }

    private static GgufBuilder Header() => new GgufBuilder()
        .Text("general.architecture", "llama")
        .UInt32("llama.embedding_length", 64)
        .UInt32("llama.block_count", 3)
        .UInt32("llama.attention.head_count", 4)
        .Tensor("token_embd.weight", 0, new byte[50 * 64 * 4], 64, 50);

    private static GgufBuilder Whole() => Header().UInt32("llama.feed_forward_length", 96);

    private (RopeScaling Scaling, double Factor) Scaling(GgufBuilder builder) =>
        Configure(builder).Rope is { } rope ? (rope.Scaling, rope.Factor) : default;

    private void Refused(string named, GgufBuilder builder) =>
        Assert.Contains(named, Assert.Throws<FileFormatException>(() => Configure(builder)).Message, StringComparison.Ordinal);

    private ModelConfig Configure(GgufBuilder builder)
    {
        File.WriteAllBytes(_path, builder.Build());
        using var file = GgufFile.Open(_path);
        var (architecture, header) = ModelCatalog.OfGguf(file);
        return architecture.Configure(header);
    }
}
