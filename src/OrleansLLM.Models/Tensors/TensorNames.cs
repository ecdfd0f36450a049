using System.Globalization;

namespace OrleansLLM.Models.Tensors;

/// <summary>How a matrix of a linear operation lies in the file.</summary>
internal enum MatrixOrder
{
    /// <summary>[outputs, inputs], as torch's Linear.</summary>
    OutputsFirst,

    /// <summary>[inputs, outputs], as GPT-2's Conv1D.</summary>
    InputsFirst,
}

/// <summary>
/// The names that a kind of file gives to tensors, without <c>.weight</c> and <c>.bias</c>: {0} is the layer, {1} the expert. Where
/// versions of a library differ, their names stand side by side, divided by a bar.
/// </summary>
internal sealed class TensorNames(IReadOnlyDictionary<TensorRole, string> patterns, MatrixOrder order)
{
    private static readonly string[] Prefixes = ["model.", "transformer."];

    /// <summary>Llama's names in a folder, which most relatives share.</summary>
    public static TensorNames Llama { get; } = new(
        new Dictionary<TensorRole, string>
        {
            [TensorRole.Embedding] = "model.embed_tokens",
            [TensorRole.FinalNorm] = "model.norm",
            [TensorRole.Head] = "lm_head",
            [TensorRole.AttentionNorm] = "model.layers.{0}.input_layernorm",
            [TensorRole.Query] = "model.layers.{0}.self_attn.q_proj",
            [TensorRole.Key] = "model.layers.{0}.self_attn.k_proj",
            [TensorRole.Value] = "model.layers.{0}.self_attn.v_proj",
            [TensorRole.QueryNorm] = "model.layers.{0}.self_attn.q_norm",
            [TensorRole.KeyNorm] = "model.layers.{0}.self_attn.k_norm",
            [TensorRole.AttentionOutput] = "model.layers.{0}.self_attn.o_proj",
            [TensorRole.MlpNorm] = "model.layers.{0}.post_attention_layernorm",
            [TensorRole.Gate] = "model.layers.{0}.mlp.gate_proj",
            [TensorRole.Up] = "model.layers.{0}.mlp.up_proj",
            [TensorRole.Down] = "model.layers.{0}.mlp.down_proj",
        },
        MatrixOrder.OutputsFirst);

    /// <summary>GGUF's names, the same for all architectures.</summary>
    public static TensorNames Gguf { get; } = new(
        new Dictionary<TensorRole, string>
        {
            [TensorRole.Embedding] = "token_embd",
            [TensorRole.Positions] = "position_embd",
            [TensorRole.FinalNorm] = "output_norm",
            [TensorRole.Head] = "output",
            [TensorRole.RopeDivisors] = "rope_freqs",
            [TensorRole.AttentionNorm] = "blk.{0}.attn_norm",
            [TensorRole.AttentionPostNorm] = "blk.{0}.post_attention_norm",
            [TensorRole.Query] = "blk.{0}.attn_q",
            [TensorRole.Key] = "blk.{0}.attn_k",
            [TensorRole.Value] = "blk.{0}.attn_v",
            [TensorRole.QueryKeyValue] = "blk.{0}.attn_qkv",
            [TensorRole.QueryNorm] = "blk.{0}.attn_q_norm",
            [TensorRole.KeyNorm] = "blk.{0}.attn_k_norm",
            [TensorRole.AttentionOutput] = "blk.{0}.attn_output",
            [TensorRole.MlpNorm] = "blk.{0}.ffn_norm",
            [TensorRole.MlpPostNorm] = "blk.{0}.post_ffw_norm",
            [TensorRole.Gate] = "blk.{0}.ffn_gate",
            [TensorRole.Up] = "blk.{0}.ffn_up",
            [TensorRole.Down] = "blk.{0}.ffn_down",
            [TensorRole.Router] = "blk.{0}.ffn_gate_inp",
            [TensorRole.StackedGate] = "blk.{0}.ffn_gate_exps",
            [TensorRole.StackedUp] = "blk.{0}.ffn_up_exps",
            [TensorRole.StackedDown] = "blk.{0}.ffn_down_exps",
            [TensorRole.StackedGateUp] = "blk.{0}.ffn_gate_up_exps",
            [TensorRole.ExpertGate] = "blk.{0}.ffn_gate.{1}",
            [TensorRole.ExpertUp] = "blk.{0}.ffn_up.{1}",
            [TensorRole.ExpertDown] = "blk.{0}.ffn_down.{1}",
        },
        MatrixOrder.OutputsFirst);

    public MatrixOrder Order { get; } = order;

    /// <summary>The same names but for those given.</summary>
    public TensorNames With(params (TensorRole Role, string Pattern)[] changes)
    {
        var changed = new Dictionary<TensorRole, string>(patterns);
        foreach (var (role, pattern) in changes)
        {
            changed[role] = pattern;
        }

        return new(changed, Order);
    }

    /// <summary>
    /// The names that a tensor may have, the likeliest first; none where this kind has no such tensor. Old files leave out the prefix,
    /// and a weight without a module of its own has no suffix.
    /// </summary>
    public IReadOnlyList<string> Of(TensorRole role, int layer, int expert, string suffix) => patterns.TryGetValue(role, out var pattern)
        ? [.. string.Format(CultureInfo.InvariantCulture, pattern, layer, expert).Split('|').SelectMany(name => Variants(name, suffix))]
        : [];

    private static IEnumerable<string> Variants(string name, string suffix)
    {
        var prefix = Array.Find(Prefixes, prefix => name.StartsWith(prefix, StringComparison.Ordinal)) ?? "";
        var names = new[] { name, name[prefix.Length..] };
        return names.Select(one => $"{one}.{suffix}").Concat(suffix == TensorReader.Weight ? names : []);
    }
}
