using OrleansLLM.Compute;
using OrleansLLM.Models.Blueprints;
using OrleansLLM.Models.Loading;

namespace OrleansLLM.Models.Layers;

/// <summary>One layer of a decoder, ready to compute.</summary>
internal sealed class DecoderLayer(LayerBlueprint blueprint, CachePlace place, WeightLoader loader, Workspace workspace)
{
    public NormWeight AttentionNorm { get; } = loader.Load(blueprint.AttentionNorm);

    public Attention Attention { get; } = new(blueprint.Attention, place, loader, workspace);

    public NormWeight? AttentionPostNorm { get; } = loader.LoadOptional(blueprint.AttentionPostNorm);

    public NormWeight MlpNorm { get; } = loader.Load(blueprint.MlpNorm);

    public Mlp Mlp { get; } = Mlp.Create(blueprint.Mlp, loader, workspace);

    public NormWeight? MlpPostNorm { get; } = loader.LoadOptional(blueprint.MlpPostNorm);
}
