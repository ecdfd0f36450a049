using OrleansLLM.Models.Blueprints;
using OrleansLLM.Models.Configuration;
using OrleansLLM.Models.Tensors;

namespace OrleansLLM.Models.Architectures;

/// <summary>Qwen3 (arXiv 2505.09388): Llama with an RMS norm over every query and key head.</summary>
internal sealed class Qwen3 : Architecture
{
    public override string Name => "qwen3";

    public override string ClassName => "Qwen3ForCausalLM";

    public override ModelConfig Configure(ConfigSource source)
    {
        var standard = source is GgufConfig ? new ArchitectureDefaults(32768) : new(32768, KeyHeads: 32, HeadWidth: 128);
        var config = StandardConfig.Read(source, Name, standard);
        return config with { Windows = Qwen2.UpperWindows(source, config.Layers) };
    }

    public override DecoderBlueprint Build(BlueprintBuilder builder) =>
        builder.Decoder(layer => builder.StandardLayer(layer) with { Attention = Attention(builder, layer) }, builder.RmsNorm(TensorRole.FinalNorm));

    private static AttentionBlueprint Attention(BlueprintBuilder builder, int layer) => builder.Attention(layer) with
    {
        QueryNorm = builder.RmsNorm(TensorRole.QueryNorm, layer, builder.Config.HeadWidth),
        KeyNorm = builder.RmsNorm(TensorRole.KeyNorm, layer, builder.Config.HeadWidth),
    };
}
