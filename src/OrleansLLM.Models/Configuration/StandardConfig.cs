using static System.FormattableString;

namespace OrleansLLM.Models.Configuration;

/// <summary>
/// The configuration that Llama and its many relatives share, with transformers' defaults for what a file leaves out. An architecture
/// changes what differs.
/// </summary>
internal static class StandardConfig
{
    private const int MaxLayers = 4096;
    private const int MaxHeads = 1 << 16;
    private const int MaxPositions = 1 << 30;
    private const int MaxHeadWidth = 1 << 14;

    public static ModelConfig Read(ConfigSource source, string architecture, ArchitectureDefaults standard)
    {
        var width = source.Size("hidden_size");
        var layers = source.Size("num_hidden_layers", most: MaxLayers);
        var heads = source.Size("num_attention_heads", most: MaxHeads);
        var maxLength = source.Size("max_position_embeddings", standard.MaxLength, most: MaxPositions);
        var headWidth = HeadWidth(source, width, heads, standard);
        var bias = source is GgufConfig ? BiasPresence.AsInFile : source.Flag("attention_bias", false) ? BiasPresence.Required : BiasPresence.None;
        var config = new ModelConfig
        {
            Architecture = architecture,
            Layers = layers,
            Width = width,
            Heads = heads,
            KeyHeads = source.Size("num_key_value_heads", source.Standard("num_key_value_heads", standard.KeyHeads ?? heads, ofNull: heads), most: MaxHeads),
            HeadWidth = headWidth,
            Inner = source.Size("intermediate_size"),
            Vocabulary = source.Size("vocab_size"),
            MaxLength = maxLength,
            Epsilon = (float)source.Positive("rms_norm_eps", standard.Epsilon),
            Activation = ActivationNames.Parse(source, source.Text(standard.ActivationKey) ?? standard.Activation),
            Rope = source.Rope(headWidth, maxLength, standard.RopeTheta),
            Windows = new int[layers],
            Head = Tying(source, standard.Tied),
            QkvBias = bias,
            OutputBias = bias,
            AttentionScale = (float)(1 / Math.Sqrt(headWidth)),
        };
        return Check(source, config);
    }

    public static HeadTying Tying(ConfigSource source, bool standard) =>
        source is GgufConfig ? HeadTying.AsInFile : source.Flag("tie_word_embeddings", standard) ? HeadTying.Embedding : HeadTying.Separate;

    /// <summary>The window of each layer: by <c>layer_types</c>, else as <paramref name="slides"/> says.</summary>
    public static int[] Windows(ConfigSource source, int layers, int window, Func<int, bool> slides)
    {
        var types = source.LayerTypes;
        if (types is not null && types.Count != layers)
        {
            throw source.Refuse(Invariant($"layer_types lists {types.Count} layers, num_hidden_layers says {layers}"));
        }

        return [.. Enumerable.Range(0, layers).Select(layer => types?[layer] switch
        {
            null => slides(layer) ? window : 0,
            "full_attention" => 0,
            "sliding_attention" => window > 0 ? window : throw source.Refuse(Invariant($"layer {layer} slides, but there is no sliding_window")),
            var other => throw new UnsupportedModelException(
                source.Path, $"layer_types has \"{other}\"; full_attention and sliding_attention are built"),
        })];
    }

    /// <summary>Refuses heads that can't share keys, and sizes whose products overflow.</summary>
    public static ModelConfig Check(ConfigSource source, ModelConfig config)
    {
        if (config.Heads % config.KeyHeads != 0)
        {
            throw source.Refuse(
                Invariant($"{config.Heads} attention heads can't share {config.KeyHeads} key-value heads; the first must be a multiple of the second"));
        }

        return config.HeadWidth > MaxHeadWidth || (long)config.Heads * config.HeadWidth > ConfigSource.MaxSize / config.Layers
            ? throw source.Refuse(Invariant($"{config.Layers} layers of {config.Heads} heads of {config.HeadWidth} numbers are more than any model has"))
            : config;
    }

    private static int HeadWidth(ConfigSource source, int width, int heads, ArchitectureDefaults standard)
    {
        var given = source.Size("head_dim", source.Standard("head_dim", standard.HeadWidth ?? 0, ofNull: 0), 0);
        return given > 0 ? given
            : width % heads == 0 ? width / heads
            : throw source.Refuse(Invariant($"{width} numbers can't be split over {heads} heads; {source.KeyOf("hidden_size")} must be a multiple"));
    }
}

/// <summary>What transformers takes for the keys that a config.json leaves out.</summary>
/// <param name="KeyHeads">Null = as many as query heads.</param>
/// <param name="HeadWidth">Null = width / heads.</param>
internal sealed record ArchitectureDefaults(
    int MaxLength, double Epsilon = 1e-6, double RopeTheta = 10000, int? KeyHeads = null, int? HeadWidth = null, string Activation = "silu")
{
    public bool Tied { get; init; }

    public string ActivationKey { get; init; } = "hidden_act";
}
