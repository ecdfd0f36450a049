using OrleansLLM.Models.Blueprints;
using OrleansLLM.Models.Configuration;
using OrleansLLM.Models.Tensors;

namespace OrleansLLM.Models.Architectures;

/// <summary>
/// Gemma 2 (arXiv 2408.00118): norms before and after attention and MLP, soft caps on scores and logits, a window in every second layer,
/// scaled embeddings. Folders keep norm scales minus one, GGUF files keep them whole.
/// </summary>
internal sealed class Gemma2 : Architecture
{
    private const int LayersOf27B = 46;

    public override string Name => "gemma2";

    public override string ClassName => "Gemma2ForCausalLM";

    public override TensorNames FolderNames { get; } = TensorNames.Llama.With(
        (TensorRole.AttentionPostNorm, "model.layers.{0}.post_attention_layernorm"),
        (TensorRole.MlpNorm, "model.layers.{0}.pre_feedforward_layernorm"),
        (TensorRole.MlpPostNorm, "model.layers.{0}.post_feedforward_layernorm"));

    public override ModelConfig Configure(ConfigSource source)
    {
        var standard = new ArchitectureDefaults(8192, KeyHeads: 4, HeadWidth: 256, Activation: "gelu_pytorch_tanh") { Tied = true, ActivationKey = "hidden_activation" };
        var config = StandardConfig.Read(source, Name, source is GgufConfig ? standard with { KeyHeads = null, HeadWidth = null } : standard);
        if (source.Flag("use_bidirectional_attention", false))
        {
            throw new UnsupportedModelException(source.Path, "use_bidirectional_attention is true, which is not built; causal models are");
        }

        return config with
        {
            Windows = StandardConfig.Windows(source, config.Layers, source.Size("sliding_window", 4096), layer => layer % 2 == 0),
            AttentionScale = (float)(1 / Math.Sqrt(QueryScalar(source, config))),
            AttentionSoftCap = SoftCap(source, "attn_logit_softcapping", 50),
            LogitSoftCap = SoftCap(source, "final_logit_softcapping", 30),
            EmbeddingScale = (float)Math.Sqrt(config.Width),
            NormOffset = source is GgufConfig ? 0 : 1,
        };
    }

    public override DecoderBlueprint Build(BlueprintBuilder builder) => builder.Decoder(
        layer => builder.StandardLayer(layer) with
        {
            AttentionPostNorm = builder.RmsNorm(TensorRole.AttentionPostNorm, layer),
            MlpPostNorm = builder.RmsNorm(TensorRole.MlpPostNorm, layer),
        },
        builder.RmsNorm(TensorRole.FinalNorm));

    /// <summary>0, which null also says, is none.</summary>
    private static float SoftCap(ConfigSource source, string name, double absent)
    {
        var standard = source.Standard(name, absent, ofNull: 0);
        return source.Number(name, standard) == 0 ? 0 : (float)source.Positive(name, standard);
    }

    /// <summary>GGUF has no query_pre_attn_scalar; its readers know the 27B model, where it is not the head's width, by its layers.</summary>
    private static double QueryScalar(ConfigSource source, ModelConfig config) => source is not GgufConfig
        ? source.Positive("query_pre_attn_scalar", 256)
        : config.Layers == LayersOf27B ? (double)config.Width / config.Heads : config.HeadWidth;
}
