using OrleansLLM.Compute;
using OrleansLLM.Models.Configuration;
using OrleansLLM.Models.Tensors;

namespace OrleansLLM.Models.Blueprints;

/// <summary>How the rows of queries and keys lie in a head.</summary>
internal enum RotaryOrder
{
    /// <summary>Pair i is (i, i + half): what devices turn.</summary>
    Halves,

    /// <summary>Pair i is (2i, 2i + 1), as llama.cpp keeps its llama files.</summary>
    Interleaved,
}

/// <summary>The parts that architectures share, read from a configuration and its tensors.</summary>
internal sealed class BlueprintBuilder(ModelConfig config, TensorReader tensors, RotaryOrder rotaryOrder)
{
    public ModelConfig Config { get; } = config;

    public TensorReader Tensors { get; } = tensors;

    /// <summary>Embedding, the layers that <paramref name="layer"/> describes, a final norm and a head.</summary>
    public DecoderBlueprint Decoder(Func<int, LayerBlueprint> layer, NormBlueprint finalNorm) => new(
        Tensors.Table(TensorRole.Embedding, Config.Vocabulary, Config.Width),
        Config.Rope is null ? Tensors.Table(TensorRole.Positions, Config.MaxLength, Config.Width) : null,
        [.. Enumerable.Range(0, Config.Layers).Select(layer)],
        finalNorm,
        Head());

    /// <summary>A layer of two norms, attention and a gated MLP: Llama and most of its relatives.</summary>
    public LayerBlueprint StandardLayer(int layer) => new(
        RmsNorm(TensorRole.AttentionNorm, layer), Attention(layer), RmsNorm(TensorRole.MlpNorm, layer), GatedMlp(layer));

    public NormBlueprint RmsNorm(TensorRole role, int layer = 0, int? width = null) =>
        new(NormKind.Rms, Config.Epsilon, Array.ConvertAll(Tensors.Vector(role, layer, width ?? Config.Width), scale => scale + Config.NormOffset), []);

    public NormBlueprint LayerNorm(TensorRole role, int layer = 0) =>
        new(NormKind.Layer, Config.Epsilon, Tensors.Vector(role, layer, Config.Width), Tensors.BiasVector(role, layer, Config.Width));

    public AttentionShape Shape(int layer)
    {
        var scale = Config.ScoreScaling == ScoreScaling.Same ? Config.AttentionScale : Config.AttentionScale / (layer + 1);
        return new(Config.Heads, Config.KeyHeads, Config.HeadWidth, Config.HeadWidth, scale, Config.Windows[layer], Config.AttentionSoftCap);
    }

    public AttentionBlueprint Attention(int layer)
    {
        var (queries, keys) = (Config.Heads * Config.HeadWidth, Config.KeyHeads * Config.HeadWidth);
        var parts = new[] { (TensorRole.Query, queries), (TensorRole.Key, keys), (TensorRole.Value, keys) };
        var sources = parts.Select(part => Ordered(part.Item1, Tensors.Matrix(part.Item1, layer, part.Item2, Config.Width)));
        var bias = Bias(Config.QkvBias, layer, parts);
        return new(Shape(layer), new([.. sources], OrderedBias(bias, queries + keys)), Linear(TensorRole.AttentionOutput, layer, Config.Width, queries, Config.OutputBias));
    }

    public GatedMlpBlueprint GatedMlp(int layer)
    {
        var parts = new[] { (TensorRole.Gate, Config.Inner), (TensorRole.Up, Config.Inner) };
        var sources = parts.Select(part => (WeightSource)Tensors.Matrix(part.Item1, layer, part.Item2, Config.Width));
        return new(
            new([.. sources], Bias(Config.MlpBias, layer, parts)),
            Linear(TensorRole.Down, layer, Config.Width, Config.Inner, Config.MlpBias),
            Config.Activation);
    }

    public LinearSource Linear(TensorRole role, int layer, int outputs, int inputs, BiasPresence bias) =>
        new([Tensors.Matrix(role, layer, outputs, inputs)], Bias(bias, layer, [(role, outputs)]));

    /// <summary>[gate | up] of every expert: from one tensor of all, a stacked tensor of each kind, or a tensor a matrix.</summary>
    public IReadOnlyList<LinearSource> ExpertGateUps(int layer)
    {
        if (Tensors.Has(TensorRole.StackedGateUp, layer))
        {
            return [.. Tensors.Stacked(TensorRole.StackedGateUp, layer, Config.Experts, 2 * Config.Inner, Config.Width).Select(both => new LinearSource(both))];
        }

        var gates = Experts(TensorRole.StackedGate, TensorRole.ExpertGate, layer, Config.Inner, Config.Width);
        var ups = Experts(TensorRole.StackedUp, TensorRole.ExpertUp, layer, Config.Inner, Config.Width);
        return [.. gates.Zip(ups, (gate, up) => new LinearSource([gate, up], default))];
    }

    /// <summary>The second matrix of every expert's MLP.</summary>
    public IReadOnlyList<LinearSource> ExpertDowns(int layer) =>
        [.. Experts(TensorRole.StackedDown, TensorRole.ExpertDown, layer, Config.Width, Config.Inner).Select(down => new LinearSource(down))];

    private IReadOnlyList<WeightSource> Experts(TensorRole stacked, TensorRole single, int layer, int outputs, int inputs) =>
        Tensors.Has(stacked, layer)
            ? Tensors.Stacked(stacked, layer, Config.Experts, outputs, inputs)
            : [.. Enumerable.Range(0, Config.Experts).Select(expert => Tensors.Matrix(single, layer, outputs, inputs, expert))];

    /// <summary>Numbers of a head that turn.</summary>
    private int Turned => Config.Rope?.Width ?? 0;

    private WeightSource? Head()
    {
        var tied = Config.Head == HeadTying.Embedding || (Config.Head == HeadTying.AsInFile && !Tensors.Has(TensorRole.Head));
        return tied ? null : Tensors.Table(TensorRole.Head, Config.Vocabulary, Config.Width);
    }

    private float[] Bias(BiasPresence presence, int layer, (TensorRole Role, int Outputs)[] parts)
    {
        var used = presence == BiasPresence.Required
            || (presence == BiasPresence.AsInFile && Array.Exists(parts, part => Tensors.HasBias(part.Role, layer)));
        return used ? [.. parts.SelectMany(part => Tensors.BiasVector(part.Role, layer, part.Outputs))] : [];
    }

    private WeightSource Ordered(TensorRole role, FileSource source) =>
        role == TensorRole.Value || rotaryOrder == RotaryOrder.Halves ? source : new UninterleavedSource(source, Config.HeadWidth, Turned);

    private float[] OrderedBias(float[] bias, int turned) => rotaryOrder == RotaryOrder.Halves
        ? bias
        : [.. bias.Select((value, row) => row < turned ? bias[UninterleavedSource.FileRow(row, Config.HeadWidth, Turned)] : value)];
}
