using OrleansLLM.Compute;
using OrleansLLM.Models.Blueprints;
using OrleansLLM.Models.Configuration;
using OrleansLLM.Models.Tensors;
using static System.FormattableString;

namespace OrleansLLM.Models.Architectures;

/// <summary>
/// GPT-2 (Radford et al. 2019): learned positions, layer norms, one fused matrix for queries, keys and values, a plain MLP, biases
/// everywhere. Folders keep matrices as [inputs, outputs].
/// </summary>
internal sealed class Gpt2 : Architecture
{
    private const int MaxHeads = 1 << 16;
    private const int MaxLayers = 4096;

    public override string Name => "gpt2";

    public override string ClassName => "GPT2LMHeadModel";

    public override TensorNames FolderNames { get; } = new(
        new Dictionary<TensorRole, string>
        {
            [TensorRole.Embedding] = "transformer.wte",
            [TensorRole.Positions] = "transformer.wpe",
            [TensorRole.FinalNorm] = "transformer.ln_f",
            [TensorRole.Head] = "lm_head",
            [TensorRole.AttentionNorm] = "transformer.h.{0}.ln_1",
            [TensorRole.QueryKeyValue] = "transformer.h.{0}.attn.c_attn",
            [TensorRole.AttentionOutput] = "transformer.h.{0}.attn.c_proj",
            [TensorRole.MlpNorm] = "transformer.h.{0}.ln_2",
            [TensorRole.Up] = "transformer.h.{0}.mlp.c_fc",
            [TensorRole.Down] = "transformer.h.{0}.mlp.c_proj",
        },
        MatrixOrder.InputsFirst);

    public override ModelConfig Configure(ConfigSource source)
    {
        var (width, heads, layers) = (source.Size("n_embd"), source.Size("n_head", most: MaxHeads), source.Size("n_layer", most: MaxLayers));
        if (width % heads != 0)
        {
            throw source.Refuse(Invariant($"{width} numbers can't be split over {heads} heads; {source.KeyOf("n_embd")} must be a multiple"));
        }

        return StandardConfig.Check(source, new()
        {
            Architecture = Name,
            Layers = layers,
            Width = width,
            Heads = heads,
            KeyHeads = heads,
            HeadWidth = width / heads,
            Inner = source.Size("n_inner", 4 * width),
            Vocabulary = source.Size("vocab_size"),
            MaxLength = source.Size("n_positions"),
            Epsilon = (float)source.Positive("layer_norm_epsilon", 1e-5),
            Activation = ActivationNames.Parse(source, source.Text("activation_function") ?? "gelu_new"),
            Windows = new int[layers],
            Head = StandardConfig.Tying(source, true),
            AttentionScale = source.Flag("scale_attn_weights", true) ? (float)(1 / Math.Sqrt(width / heads)) : 1,
            ScoreScaling = source.Flag("scale_attn_by_inverse_layer_idx", false) ? ScoreScaling.ByLayer : ScoreScaling.Same,
        });
    }

    public override DecoderBlueprint Build(BlueprintBuilder builder) =>
        builder.Decoder(layer => Layer(builder, layer), builder.LayerNorm(TensorRole.FinalNorm));

    private static LayerBlueprint Layer(BlueprintBuilder builder, int layer)
    {
        var (width, inner) = (builder.Config.Width, builder.Config.Inner);
        LinearSource Linear(TensorRole role, int outputs, int inputs) => builder.Linear(role, layer, outputs, inputs, BiasPresence.Required);
        return new(
            builder.LayerNorm(TensorRole.AttentionNorm, layer),
            new(builder.Shape(layer), Linear(TensorRole.QueryKeyValue, 3 * width, width), Linear(TensorRole.AttentionOutput, width, width)),
            builder.LayerNorm(TensorRole.MlpNorm, layer),
            new PlainMlpBlueprint(Linear(TensorRole.Up, inner, width), Linear(TensorRole.Down, width, inner), builder.Config.Activation));
    }
}
