using OrleansLLM.Models.Blueprints;
using OrleansLLM.Models.Configuration;
using OrleansLLM.Models.Tensors;

namespace OrleansLLM.Models.Architectures;

/// <summary>Mistral (Jiang et al. 2023, arXiv 2310.06825): Llama with a sliding window in every layer. Its GGUF files say llama.</summary>
internal sealed class Mistral : Architecture
{
    private const int StandardWindow = 4096;

    public override string Name => "mistral";

    public override string ClassName => "MistralForCausalLM";

    public override string GgufName => "llama";

    public override bool MatchesGguf(ConfigSource header) => false;

    public override ModelConfig Configure(ConfigSource source)
    {
        var config = StandardConfig.Read(source, Name, new(131072, KeyHeads: 8));
        var window = source.Size("sliding_window", source.Standard("sliding_window", StandardWindow, ofNull: 0), 0);
        return config with { Windows = StandardConfig.Windows(source, config.Layers, window, _ => true) };
    }

    public override DecoderBlueprint Build(BlueprintBuilder builder) =>
        builder.Decoder(builder.StandardLayer, builder.RmsNorm(TensorRole.FinalNorm));
}
