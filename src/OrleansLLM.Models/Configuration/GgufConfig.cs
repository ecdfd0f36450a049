using OrleansLLM.Files;
using static System.FormattableString;

namespace OrleansLLM.Models.Configuration;

/// <summary>The header of a GGUF file under transformers' names.</summary>
internal sealed class GgufConfig(GgufFile file, string architecture) : ConfigSource(file.Path)
{
    /// <summary>Transformers' names and GGUF's, which stand behind the architecture's own name.</summary>
    private static readonly Dictionary<string, string> Keys = new(StringComparer.Ordinal)
    {
        ["hidden_size"] = "embedding_length",
        ["n_embd"] = "embedding_length",
        ["num_hidden_layers"] = "block_count",
        ["n_layer"] = "block_count",
        ["num_attention_heads"] = "attention.head_count",
        ["n_head"] = "attention.head_count",
        ["num_key_value_heads"] = "attention.head_count_kv",
        ["head_dim"] = "attention.key_length",
        ["intermediate_size"] = "feed_forward_length",
        ["n_inner"] = "feed_forward_length",
        ["max_position_embeddings"] = "context_length",
        ["n_positions"] = "context_length",
        ["rms_norm_eps"] = "attention.layer_norm_rms_epsilon",
        ["layer_norm_epsilon"] = "attention.layer_norm_epsilon",
        ["rope_theta"] = "rope.freq_base",
        ["rope_width"] = "rope.dimension_count",
        ["sliding_window"] = "attention.sliding_window",
        ["num_local_experts"] = "expert_count",
        ["num_experts_per_tok"] = "expert_used_count",
        ["attn_logit_softcapping"] = "attn_logit_softcapping",
        ["final_logit_softcapping"] = "final_logit_softcapping",
        ["rope_scaling_type"] = "rope.scaling.type",
        ["rope_scaling_factor"] = "rope.scaling.factor",
        ["rope_scale_linear"] = "rope.scale_linear",
        ["rope_original_length"] = "rope.scaling.original_context_length",
        ["rope_attention_factor"] = "rope.scaling.attn_factor",
        ["beta_fast"] = "rope.scaling.yarn_beta_fast",
        ["beta_slow"] = "rope.scaling.yarn_beta_slow",
    };

    public override IReadOnlyList<string>? LayerTypes => null;

    public override bool Has(string name) => Keys.ContainsKey(name) && file.Metadata.Contains(KeyOf(name));

    public override string KeyOf(string name) => Keys.TryGetValue(name, out var key) ? $"{architecture}.{key}" : name;

    public override RopeConfig Rope(int width, int maxLength, double defaultTheta)
    {
        var turned = Size("rope_width", width, 2, width);
        var plain = new RopeConfig(turned, Positive("rope_theta", defaultTheta), RopeScaling.Default, 1, maxLength);
        var factor = ScalingFactor();
        return (Text("rope_scaling_type") ?? (factor == 0 ? "none" : "linear")) switch
        {
            _ when turned % 2 != 0 => throw Refuse(Invariant($"{KeyOf("rope_width")} is {turned}; it must be even")),
            "none" => plain,
            "linear" => plain with { Scaling = factor is 0 or 1 ? RopeScaling.Default : RopeScaling.Linear, Factor = factor == 0 ? 1 : factor },
            "yarn" => plain with
            {
                Scaling = RopeScaling.Yarn,
                Factor = factor == 0 ? 1 : factor,
                OriginalLength = Size("rope_original_length", maxLength),
                AttentionFactor = RopeConfig.YarnScale(factor, 1) * Positive("rope_attention_factor", 1),
                BetaFast = Positive("beta_fast", 32),
                BetaSlow = Positive("beta_slow", 1),
            },
            var other => throw new UnsupportedModelException(Path, $"rotary scaling \"{other}\" is not built; none, linear and yarn are"),
        };
    }

    protected override object? Value(string name)
    {
        var key = KeyOf(name);
        if (name == "vocab_size")
        {
            return EmbeddingRows();
        }

        if (!Has(name))
        {
            return null;
        }

        return file.Metadata.IsArray(key) ? OfEveryLayer(key) : file.Metadata.Scalar(key);
    }

    /// <summary>The embedding table's rows, of which every one must have its token, as in llama.cpp; null without a table.</summary>
    private object? EmbeddingRows()
    {
        if (!file.Tensors.TryGetValue("token_embd.weight", out var table) || table.Shape.Count != 2)
        {
            return null;
        }

        var tokens = file.Metadata.Count("tokenizer.ggml.tokens");
        return tokens is null || tokens == table.Shape[0]
            ? table.Shape[0]
            : throw Refuse(Invariant($"tokenizer.ggml.tokens names {tokens} tokens, but token_embd.weight has {table.Shape[0]} rows; convert the model anew, so that every row has its token"));
    }

    /// <summary>A list has one value a layer, which must be the same in all.</summary>
    private object OfEveryLayer(string key)
    {
        var values = file.Metadata.Integers(key)!;
        return values.Distinct().Count() == 1
            ? values[0]
            : throw new UnsupportedModelException(Path, $"{key} differs from layer to layer ({file.Metadata.Show(key)}); models whose layers differ in it are not built");
    }

    /// <summary>Under its new or its old key; 0 where neither says one.</summary>
    private double ScalingFactor()
    {
        var name = Has("rope_scaling_factor") ? "rope_scaling_factor" : "rope_scale_linear";
        return Number(name, 0) == 0 ? 0 : Positive(name, 0);
    }
}
