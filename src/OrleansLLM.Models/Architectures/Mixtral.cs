using OrleansLLM.Compute;
using OrleansLLM.Models.Blueprints;
using OrleansLLM.Models.Configuration;
using OrleansLLM.Models.Tensors;

namespace OrleansLLM.Models.Architectures;

/// <summary>Mixtral (Jiang et al. 2024, arXiv 2401.04088): Mistral whose MLP is a few of many experts. Its GGUF files say llama and count experts.</summary>
internal sealed class Mixtral : Architecture
{
    public override string Name => "mixtral";

    public override string ClassName => "MixtralForCausalLM";

    public override string GgufName => "llama";

    public override RotaryOrder GgufRotaryOrder => RotaryOrder.Interleaved;

    public override TensorNames FolderNames { get; } = TensorNames.Llama.With(
        (TensorRole.Router, "model.layers.{0}.block_sparse_moe.gate|model.layers.{0}.mlp.gate"),
        (TensorRole.StackedGateUp, "model.layers.{0}.mlp.experts.gate_up_proj"),
        (TensorRole.StackedDown, "model.layers.{0}.mlp.experts.down_proj"),
        (TensorRole.ExpertGate, "model.layers.{0}.block_sparse_moe.experts.{1}.w1"),
        (TensorRole.ExpertUp, "model.layers.{0}.block_sparse_moe.experts.{1}.w3"),
        (TensorRole.ExpertDown, "model.layers.{0}.block_sparse_moe.experts.{1}.w2"));

    public override bool MatchesGguf(ConfigSource header) => header.Size("num_local_experts", 0, 0) > 0;

    public override ModelConfig Configure(ConfigSource source)
    {
        var standard = source is GgufConfig ? new ArchitectureDefaults(131072) : new(131072, Epsilon: 1e-5, RopeTheta: 1e6, KeyHeads: 8);
        var config = StandardConfig.Read(source, Name, standard);
        var experts = source.Size("num_local_experts", 8, most: 65536);
        return config with
        {
            Windows = StandardConfig.Windows(source, config.Layers, source.Size("sliding_window", 0, 0), _ => true),
            Experts = experts,
            SelectedExperts = source.Size("num_experts_per_tok", 2, most: experts),
        };
    }

    public override DecoderBlueprint Build(BlueprintBuilder builder) =>
        builder.Decoder(layer => Layer(builder, layer), builder.RmsNorm(TensorRole.FinalNorm));

    private static LayerBlueprint Layer(BlueprintBuilder builder, int layer)
    {
        var config = builder.Config;
        var mlp = new ExpertMlpBlueprint(
            builder.Linear(TensorRole.Router, layer, config.Experts, config.Width, BiasPresence.None),
            builder.ExpertGateUps(layer),
            builder.ExpertDowns(layer),
            new(config.Experts, config.SelectedExperts, RoutingScore.SoftmaxRenormalized),
            config.Activation);
        return new(builder.RmsNorm(TensorRole.AttentionNorm, layer), builder.Attention(layer), builder.RmsNorm(TensorRole.MlpNorm, layer), mlp);
    }
}
