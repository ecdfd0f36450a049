using OrleansLLM.Compute;
using OrleansLLM.Models.Blueprints;
using OrleansLLM.Models.Loading;

namespace OrleansLLM.Models.Layers;

/// <summary>Which part of the cache a layer has.</summary>
/// <param name="Group">Its cache group: the plan that it attends by.</param>
/// <param name="Index">Its place inside a block.</param>
internal readonly record struct CachePlace(int Group, int Index);

/// <summary>Attention of one layer over the paged cache.</summary>
internal sealed class Attention
{
    private readonly AttentionShape _shape;
    private readonly Weight _qkv;
    private readonly Weight _output;
    private readonly NormWeight? _queryNorm;
    private readonly NormWeight? _keyNorm;
    private readonly CachePlace _place;
    private readonly Tensor _qkvRows;
    private readonly Tensor _attendedRows;

    public Attention(AttentionBlueprint blueprint, CachePlace place, WeightLoader loader, Workspace workspace)
    {
        _shape = blueprint.Shape;
        _place = place;
        _qkv = loader.Load(blueprint.Qkv);
        _output = loader.Load(blueprint.Output);
        _queryNorm = loader.LoadOptional(blueprint.QueryNorm);
        _keyNorm = loader.LoadOptional(blueprint.KeyNorm);
        _qkvRows = workspace.Share("qkv", _shape.QkvColumns);
        _attendedRows = workspace.Share("attended", _shape.Heads * _shape.ValueWidth);
    }

    /// <summary>to = output(attend(qkv(x))), x and to [rows, width].</summary>
    public void Forward(IDevice device, ForwardBatch batch, RopePlan? rope, KvCache cache, Tensor x, Tensor to)
    {
        var (qkv, attended) = (_qkvRows.Take(x.Rows), _attendedRows.Take(x.Rows));
        var plan = batch.Plans[_place.Group];
        var layer = new KvLayer(cache, _place.Index);
        device.Linear(x, _qkv, qkv);
        device.RotateAndStore(qkv, _shape, _queryNorm, _keyNorm, rope, plan, layer);
        device.Attend(qkv.SliceColumns(0, _shape.Heads * _shape.KeyWidth), _shape, plan, layer, attended);
        device.Linear(attended, _output, to);
    }
}
