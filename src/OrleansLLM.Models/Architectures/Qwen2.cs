using OrleansLLM.Models.Blueprints;
using OrleansLLM.Models.Configuration;
using OrleansLLM.Models.Tensors;

namespace OrleansLLM.Models.Architectures;

/// <summary>Qwen2 and Qwen2.5 (arXiv 2407.10671): Llama with biases on queries, keys and values, and windows in the upper layers.</summary>
internal sealed class Qwen2 : Architecture
{
    public override string Name => "qwen2";

    public override string ClassName => "Qwen2ForCausalLM";

    public override ModelConfig Configure(ConfigSource source)
    {
        var config = StandardConfig.Read(source, Name, new(32768, KeyHeads: source is GgufConfig ? null : 32));
        return config with
        {
            QkvBias = BiasPresence.Required,
            OutputBias = BiasPresence.None,
            Windows = UpperWindows(source, config.Layers),
        };
    }

    public override DecoderBlueprint Build(BlueprintBuilder builder) =>
        builder.Decoder(builder.StandardLayer, builder.RmsNorm(TensorRole.FinalNorm));

    /// <summary>Qwen's rule: with <c>use_sliding_window</c> the layers from <c>max_window_layers</c> on slide.</summary>
    public static int[] UpperWindows(ConfigSource source, int layers)
    {
        var window = source.Flag("use_sliding_window", false) ? source.Size("sliding_window", source.Standard("sliding_window", 4096, ofNull: 0), 0) : 0;
        var first = source.Size("max_window_layers", 28, 0);
        return StandardConfig.Windows(source, layers, window, layer => layer >= first);
    }
}
