using OrleansLLM.Compute;

namespace OrleansLLM.Models.Blueprints;

/// <summary>
/// A decoder as an architecture describes it: every tensor found and checked, nothing loaded yet. A layer computes
/// <code>
/// x += attentionPostNorm(attention(attentionNorm(x)));  x += mlpPostNorm(mlp(mlpNorm(x)))
/// </code>
/// </summary>
/// <param name="Positions">Learned positions, or null.</param>
/// <param name="Head">Null = the embedding table is the head.</param>
internal sealed record DecoderBlueprint(
    WeightSource Embedding, WeightSource? Positions, IReadOnlyList<LayerBlueprint> Layers, NormBlueprint FinalNorm, WeightSource? Head);

internal sealed record LayerBlueprint(NormBlueprint AttentionNorm, AttentionBlueprint Attention, NormBlueprint MlpNorm, MlpBlueprint Mlp)
{
    public NormBlueprint? AttentionPostNorm { get; init; }

    public NormBlueprint? MlpPostNorm { get; init; }
}

internal sealed record NormBlueprint(NormKind Kind, float Epsilon, float[] Scale, float[] Bias);

/// <param name="Qkv">Outputs [q heads | k heads | v heads].</param>
internal sealed record AttentionBlueprint(AttentionShape Shape, LinearSource Qkv, LinearSource Output)
{
    public NormBlueprint? QueryNorm { get; init; }

    public NormBlueprint? KeyNorm { get; init; }
}

internal abstract record MlpBlueprint(Activation Activation);

/// <summary>down(activation(gate(x)) · up(x)).</summary>
internal sealed record GatedMlpBlueprint(LinearSource GateUp, LinearSource Down, Activation Activation) : MlpBlueprint(Activation);

/// <summary>down(activation(up(x))).</summary>
internal sealed record PlainMlpBlueprint(LinearSource Up, LinearSource Down, Activation Activation) : MlpBlueprint(Activation);

/// <summary>The gated MLPs of the experts that the router chooses.</summary>
internal sealed record ExpertMlpBlueprint(
    LinearSource Router, IReadOnlyList<LinearSource> GateUp, IReadOnlyList<LinearSource> Down, RoutingShape Routing, Activation Activation)
    : MlpBlueprint(Activation);
