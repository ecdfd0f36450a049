using OrleansLLM.Models.Blueprints;
using OrleansLLM.Models.Configuration;
using OrleansLLM.Models.Tensors;

namespace OrleansLLM.Models.Architectures;

/// <summary>
/// Llama 1, 2 and 3, SmolLM2 and many more (Touvron et al. 2023, arXiv 2302.13971): RMS norms before attention and a gated MLP, rotary
/// positions, grouped keys.
/// </summary>
internal sealed class Llama : Architecture
{
    public override string Name => "llama";

    public override string ClassName => "LlamaForCausalLM";

    public override RotaryOrder GgufRotaryOrder => RotaryOrder.Interleaved;

    public override bool MatchesGguf(ConfigSource header) => header.Size("num_local_experts", 0, 0) == 0;

    public override ModelConfig Configure(ConfigSource source)
    {
        var config = StandardConfig.Read(source, Name, new(2048));
        var mlpBias = source.Flag("mlp_bias", false) ? BiasPresence.Required : BiasPresence.None;
        return source is not GgufConfig
            ? config with { MlpBias = mlpBias }
            : config with
            {
                MlpBias = BiasPresence.AsInFile,
                Windows = StandardConfig.Windows(source, config.Layers, source.Size("sliding_window", 0, 0), _ => true),
            };
    }

    public override DecoderBlueprint Build(BlueprintBuilder builder) =>
        builder.Decoder(builder.StandardLayer, builder.RmsNorm(TensorRole.FinalNorm));
}
