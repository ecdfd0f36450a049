using System.Globalization;
using System.Text.Json;
using OrleansLLM.Compute;
using OrleansLLM.Files;
using OrleansLLM.Models.Configuration;
using OrleansLLM.Models.Layers;
using OrleansLLM.Testing;

namespace OrleansLLM.Models.Tests;

/// <summary>What config.json means: keys that transformers 4 and 5 write, leave out or set to null.</summary>
public class ConfigurationTests
{
    private const string Sizes =
        """
        "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 4, "num_attention_heads": 8, "vocab_size": 50,
        "n_embd": 64, "n_layer": 4, "n_head": 8, "n_positions": 32
        """;

    [Theory]
    [InlineData("llama", 8, 8)]
    [InlineData("mistral", 8, 8)]
    [InlineData("mixtral", 8, 8)]
    [InlineData("gemma2", 4, 256)]
    public void Key_heads_and_head_width_that_are_not_there_are_the_architectures_own(string type, int keyHeads, int headWidth)
    {
        var config = Configure(type);
        Assert.Equal((keyHeads, headWidth), (config.KeyHeads, config.HeadWidth));
    }

    [Theory]
    [InlineData("llama")]
    [InlineData("mistral")]
    [InlineData("mixtral")]
    [InlineData("qwen2")]
    [InlineData("qwen3")]
    public void Null_key_heads_are_as_many_as_query_heads_and_a_null_head_width_is_an_equal_share(string type)
    {
        var config = Configure(type, """ "num_attention_heads": 16, "num_key_value_heads": null, "head_dim": null """);
        Assert.Equal((16, 4), (config.KeyHeads, config.HeadWidth));
    }

    [Theory]
    [InlineData("llama", "Separate")]
    [InlineData("mistral", "Separate")]
    [InlineData("mixtral", "Separate")]
    [InlineData("qwen2", "Separate")]
    [InlineData("gemma2", "Embedding")]
    [InlineData("gpt2", "Embedding")]
    public void Tying_that_is_not_said_is_the_architectures_own(string type, string tying)
    {
        Assert.Equal(tying, Configure(type, """ "num_key_value_heads": 8 """).Head.ToString());
        Assert.Equal(HeadTying.Embedding, Configure(type, """ "num_key_value_heads": 8, "tie_word_embeddings": true """).Head);
        Assert.Equal(HeadTying.Separate, Configure(type, """ "num_key_value_heads": 8, "tie_word_embeddings": false """).Head);
    }

    [Fact]
    public void A_description_is_the_same_in_every_locale_and_leaves_no_number_out()
    {
        var rope = new RopeConfig(8, 10000.5, RopeScaling.Yarn, 1.25, 2048)
        {
            AttentionFactor = 0.5, BetaFast = 32.5, BetaSlow = 1.5, LowFrequencyFactor = 0.25, HighFrequencyFactor = 4.5, Divisors = [-1.5f],
        };
        var bits = BitConverter.SingleToInt32Bits(-1.5f).ToString(CultureInfo.InvariantCulture);
        var expected = $"{Cultures.In("", rope.ToString)} {bits}";
        Assert.All(Cultures.InEach(rope.Describe), result => Assert.Equal((result.Culture, expected), result));
    }

    [Fact]
    public void Each_architecture_reads_its_own_name_of_the_activation()
    {
        const string Both = """ "hidden_act": "gelu", "hidden_activation": "gelu_pytorch_tanh" """;
        Assert.Equal(Activation.Gelu, Configure("llama", Both).Activation);
        Assert.Equal(Activation.GeluTanh, Configure("gemma2", Both).Activation);
        Assert.Equal(Activation.GeluTanh, Configure("gemma2", """ "hidden_activation": null """).Activation);
        Assert.Equal(Activation.GeluTanh, Configure("gpt2").Activation);
        Assert.Equal(Activation.Relu, Configure("gpt2", """ "activation_function": "relu" """).Activation);
        Assert.Contains("relu6", Assert.Throws<UnsupportedModelException>(() => Configure("llama", """ "hidden_act": "relu6" """)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("mistral", "", new[] { 4096, 4096, 4096, 4096 })]
    [InlineData("mistral", """, "sliding_window": 7""", new[] { 7, 7, 7, 7 })]
    [InlineData("mistral", """, "sliding_window": null""", new[] { 0, 0, 0, 0 })]
    [InlineData("mixtral", "", new[] { 0, 0, 0, 0 })]
    [InlineData("mixtral", """, "sliding_window": 7""", new[] { 7, 7, 7, 7 })]
    [InlineData("qwen2", """, "sliding_window": 7, "max_window_layers": 3""", new[] { 0, 0, 0, 0 })]
    [InlineData("qwen2", """, "sliding_window": 7, "max_window_layers": 3, "use_sliding_window": true""", new[] { 0, 0, 0, 7 })]
    [InlineData("qwen2", """, "use_sliding_window": true, "max_window_layers": 0""", new[] { 4096, 4096, 4096, 4096 })]
    [InlineData("qwen3", """, "sliding_window": null, "max_window_layers": 0, "use_sliding_window": true""", new[] { 0, 0, 0, 0 })]
    [InlineData(
        "qwen3",
        """, "sliding_window": 7, "use_sliding_window": true, "layer_types": ["sliding_attention", "full_attention", "full_attention", "full_attention"]""",
        new[] { 7, 0, 0, 0 })]
    [InlineData("gemma2", """, "sliding_window": 7""", new[] { 7, 0, 7, 0 })]
    [InlineData(
        "gemma2",
        """, "sliding_window": 7, "layer_types": ["full_attention", "full_attention", "sliding_attention", "full_attention"]""",
        new[] { 0, 0, 7, 0 })]
    public void Windows_are_those_of_the_architecture(string type, string more, int[] windows) =>
        Assert.Equal(windows, Configure(type, $""" "num_key_value_heads": 8{more} """).Windows);

    [Fact]
    public void Gemma_caps_are_off_by_null_only()
    {
        var silent = Configure("gemma2");
        Assert.Equal((50, 30), (silent.AttentionSoftCap, silent.LogitSoftCap));
        var off = Configure("gemma2", """ "attn_logit_softcapping": null, "final_logit_softcapping": null, "query_pre_attn_scalar": 100 """);
        Assert.Equal((0, 0, 0.1f), (off.AttentionSoftCap, off.LogitSoftCap, off.AttentionScale));
        Assert.Throws<UnsupportedModelException>(() => Configure("gemma2", """ "use_bidirectional_attention": true """));
    }

    [Fact]
    public void Biases_are_where_the_architecture_has_them()
    {
        var llama = Configure("llama", """ "attention_bias": true, "mlp_bias": true """);
        Assert.Equal((BiasPresence.Required, BiasPresence.Required, BiasPresence.Required), (llama.QkvBias, llama.OutputBias, llama.MlpBias));
        var qwen = Configure("qwen2", """ "num_key_value_heads": 8 """);
        Assert.Equal((BiasPresence.Required, BiasPresence.None, BiasPresence.None), (qwen.QkvBias, qwen.OutputBias, qwen.MlpBias));
    }

    [Fact]
    public void Gpt2_scales_scores_by_layer_and_width_as_it_says()
    {
        var plain = Configure("gpt2", """ "n_inner": null """);
        Assert.Equal((256, 32, null), (plain.Inner, plain.MaxLength, plain.Rope));
        Assert.Equal((float)(1 / Math.Sqrt(8)), plain.AttentionScale);
        var other = Configure("gpt2", """ "n_inner": 70, "scale_attn_weights": false, "scale_attn_by_inverse_layer_idx": true """);
        Assert.Equal((70, 1f, ScoreScaling.ByLayer), (other.Inner, other.AttentionScale, other.ScoreScaling));
    }

    [Theory]
    [InlineData(""" "rope_theta": 500000, "rope_scaling": { "type": "linear", "factor": 4 } """)]
    [InlineData(""" "rope_theta": 500000, "rope_scaling": { "rope_type": "linear", "factor": 4.0 } """)]
    [InlineData(""" "rope_parameters": { "rope_theta": 500000.0, "rope_type": "linear", "factor": 4.0 } """)]
    [InlineData(""" "rope_parameters": { "rope_type": "linear", "factor": 4.0 }, "rope_theta": 500000.0 """)]
    public void Rotary_scaling_is_the_same_however_it_is_written(string rope) =>
        Assert.Equal(new RopeConfig(8, 500000, RopeScaling.Linear, 4, 2048), Rope(rope));

    [Theory]
    [InlineData("", 10000)]
    [InlineData(""" "rope_scaling": null """, 10000)]
    [InlineData(""" "rope_parameters": { "rope_theta": 7, "rope_type": "default" } """, 7)]
    [InlineData(""" "rope_parameters": { "rope_theta": 7 } """, 7)]
    public void Without_scaling_there_is_only_a_base(string rope, double theta) =>
        Assert.Equal((theta, RopeScaling.Default), (Rope(rope).Theta, Rope(rope).Scaling));

    [Fact]
    public void The_base_that_is_not_said_is_the_architectures_own() =>
        Assert.Equal((10000, 1e6), (Configure("llama").Rope!.Theta, Configure("mixtral").Rope!.Theta));

    [Theory]
    [InlineData(""" "factor": 4, "original_max_position_embeddings": 512 """, 4, 512, 1.1386294361)]
    [InlineData(""" "original_max_position_embeddings": 512 """, 4, 512, 1.1386294361)]
    [InlineData(""" "factor": 4 """, 4, 2048, 1.1386294361)]
    [InlineData(""" "factor": 40, "mscale": 0.707, "mscale_all_dim": 0.707 """, 40, 2048, 1)]
    [InlineData(""" "factor": 40, "mscale": 1, "mscale_all_dim": 0.5 """, 40, 2048, 1.1557219905)]
    [InlineData(""" "factor": 40, "mscale": 1, "mscale_all_dim": 0 """, 40, 2048, 1.3688879454)]
    [InlineData(""" "factor": 40, "attention_factor": 0.8, "mscale": 1, "mscale_all_dim": 0.5 """, 40, 2048, 0.8)]
    [InlineData(""" "factor": 0.5 """, 0.5, 2048, 1)]
    public void Yarn_has_its_defaults(string settings, double factor, int original, double attention)
    {
        var rope = Rope($$""" "rope_scaling": { "rope_type": "yarn", {{settings}} } """);
        Assert.Equal((factor, original), (rope.Factor, rope.OriginalLength));
        Assert.Equal(attention, rope.AttentionFactor, 1e-9);
        Assert.Equal((32, 1, true), (rope.BetaFast, rope.BetaSlow, rope.Truncate));
    }

    [Fact]
    public void Scalings_take_their_own_settings()
    {
        var yarn = Rope(""" "rope_parameters": { "rope_type": "yarn", "factor": 4, "beta_fast": 16, "beta_slow": 2, "truncate": false } """);
        Assert.Equal((16, 2, false), (yarn.BetaFast, yarn.BetaSlow, yarn.Truncate));
        var llama3 = Rope(
            """ "rope_scaling": { "rope_type": "llama3", "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4, "original_max_position_embeddings": 512 } """);
        Assert.Equal((8, 1, 4, 512), (llama3.Factor, llama3.LowFrequencyFactor, llama3.HighFrequencyFactor, llama3.OriginalLength));
        var outer = Rope(
            """ "original_max_position_embeddings": 256, "rope_scaling": { "rope_type": "llama3", "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4 } """);
        Assert.Equal(256, outer.OriginalLength);
        var dynamic = Rope(""" "rope_scaling": { "type": "dynamic", "factor": 2, "original_max_position_embeddings": 512 } """);
        Assert.Equal((2, 2048), (dynamic.Factor, dynamic.OriginalLength));
        Assert.Equal(4, Rope(""" "partial_rotary_factor": 0.5 """).Width);
        Assert.Equal(4, Rope(""" "rope_parameters": { "rope_theta": 1e4, "partial_rotary_factor": 0.5 } """).Width);
    }

    [Theory]
    [InlineData(""" "rope_scaling": { "type": "su" } """, "su")]
    [InlineData(""" "rope_parameters": { "full_attention": { "rope_theta": 1 }, "sliding_attention": { "rope_theta": 2 } } """, "kind of layer")]
    public void A_scaling_that_is_not_built_is_refused_by_name(string rope, string named) =>
        Assert.Contains(named, Assert.Throws<UnsupportedModelException>(() => Rope(rope)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData(""" "num_key_value_heads": 3 """, "3 key-value heads")]
    [InlineData(""" "hidden_size": 65 """, "hidden_size")]
    [InlineData(""" "hidden_size": -64 """, "hidden_size is -64")]
    [InlineData(""" "hidden_size": "64" """, "hidden_size is the text")]
    [InlineData(""" "hidden_size": 1e30 """, "hidden_size")]
    [InlineData(""" "hidden_size": [64] """, "hidden_size is a JSON Array")]
    [InlineData(""" "hidden_size": null """, "hidden_size is missing")]
    [InlineData(""" "num_hidden_layers": 1000000 """, "num_hidden_layers is 1000000")]
    [InlineData(""" "head_dim": 1000000 """, "8 heads of 1000000 numbers")]
    [InlineData(""" "head_dim": 7 """, "rotary embedding of 7 of 7")]
    [InlineData(""" "rms_norm_eps": 0 """, "rms_norm_eps is 0")]
    [InlineData(""" "rms_norm_eps": 1e999 """, "rms_norm_eps")]
    [InlineData(""" "rms_norm_eps": 1e-320 """, "rms_norm_eps is 1E-320")]
    [InlineData(""" "rms_norm_eps": true """, "rms_norm_eps")]
    [InlineData(""" "tie_word_embeddings": 1 """, "tie_word_embeddings is 1")]
    [InlineData(""" "hidden_act": 3 """, "hidden_act is 3")]
    [InlineData(""" "rope_scaling": [] """, "rope_scaling is a JSON Array")]
    [InlineData(""" "rope_scaling": { "type": "linear" } """, "factor is missing")]
    [InlineData(""" "rope_scaling": { "type": "linear", "factor": -1 } """, "factor is -1")]
    [InlineData(""" "rope_theta": 0 """, "rope_theta is 0")]
    [InlineData(""" "rope_scaling": { "type": "llama3", "factor": 2, "high_freq_factor": 4 } """, "low_freq_factor is missing")]
    public void An_impossible_configuration_is_refused_by_what_is_wrong(string more, string named)
    {
        var error = Assert.Throws<FileFormatException>(() => Configure("llama", more));
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
        Assert.StartsWith("config.json: ", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("llama")]
    [InlineData("mistral")]
    [InlineData("mixtral")]
    [InlineData("qwen2")]
    [InlineData("qwen3")]
    [InlineData("gemma2")]
    [InlineData("gpt2")]
    public void Any_value_of_any_key_gives_finite_numbers_or_a_sentence(string type)
    {
        string[] keys =
        [
            "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim", "vocab_size",
            "max_position_embeddings", "rms_norm_eps", "hidden_act", "hidden_activation", "rope_theta", "rope_scaling", "rope_parameters",
            "partial_rotary_factor", "original_max_position_embeddings", "sliding_window", "use_sliding_window", "max_window_layers",
            "layer_types", "tie_word_embeddings", "attention_bias", "mlp_bias", "query_pre_attn_scalar", "attn_logit_softcapping",
            "final_logit_softcapping", "num_local_experts", "num_experts_per_tok", "n_embd", "n_layer", "n_head", "n_inner", "n_positions",
            "layer_norm_epsilon", "activation_function", "scale_attn_weights", "scale_attn_by_inverse_layer_idx",
        ];
        string[] scalings = ["linear", "dynamic", "yarn", "llama3"];
        string[] settings = ["factor", "original_max_position_embeddings", "attention_factor", "mscale", "beta_fast", "beta_slow", "low_freq_factor", "high_freq_factor", "truncate"];
        string[] values = ["null", "true", "false", "0", "-1", "1", "2", "7", "0.5", "1e-320", "1e308", "1e999", "2147483648", "9223372036854775808", "\"\"", "\"x\"", "[]", "[1]", "{}", """{"a":{}}"""];
        foreach (var value in values)
        {
            Array.ForEach(keys, key => CheckNumbers(type, $""" "num_key_value_heads": 8, "{key}": {value} """));
            foreach (var scaling in scalings)
            {
                Array.ForEach(settings, setting => CheckNumbers(
                    type,
                    $$""" "num_key_value_heads": 8, "rope_scaling": { "type": "{{scaling}}", "factor": 2, "mscale_all_dim": 1, "low_freq_factor": 1, "high_freq_factor": 4, "{{setting}}": {{value}} } """));
            }
        }
    }

    private static void CheckNumbers(string type, string more)
    {
        try
        {
            var config = Configure(type, more);
            Assert.All([config.Epsilon, config.AttentionScale, config.AttentionSoftCap, config.LogitSoftCap], number => Assert.True(float.IsFinite(number), more));
            if (config.Rope is { } rope)
            {
                var frequencies = new float[rope.Width / 2];
                RopeFrequencies.Fill(rope, 2 * rope.OriginalLength, frequencies);
                Assert.All(frequencies, frequency => Assert.True(float.IsFinite(frequency), more));
            }
        }
        catch (FileFormatException error)
        {
            Assert.StartsWith("config.json: ", error.Message, StringComparison.Ordinal);
        }
    }

    private static RopeConfig Rope(string more) => Configure("llama", more).Rope!;

    /// <summary>The same sizes for every architecture; later keys win.</summary>
    private static ModelConfig Configure(string type, string more = "")
    {
        using var document = JsonDocument.Parse($$"""{ {{Sizes}}{{(string.IsNullOrWhiteSpace(more) ? "" : ", " + more)}} }""");
        return ModelCatalog.All.Single(row => row.ModelType == type).Configure(new FolderConfig("config.json", document.RootElement));
    }
}
