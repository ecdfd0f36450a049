using OrleansLLM.Compute;
using OrleansLLM.Models.Blueprints;
using OrleansLLM.Models.Configuration;
using OrleansLLM.Models.Loading;

namespace OrleansLLM.Models.Layers;

/// <summary>A decoder on a device, of whatever layers its blueprint has. It owns its weights and activations.</summary>
internal sealed class Decoder : ICausalModel
{
    private readonly IDevice _device;
    private readonly ModelConfig _config;
    private readonly WeightLoader _loader;
    private readonly Workspace _workspace;
    private readonly RotaryEmbedding? _rope;
    private readonly Weight _embedding;
    private readonly Weight? _positions;
    private readonly DecoderLayer[] _layers;
    private readonly NormWeight _finalNorm;
    private readonly Weight _head;
    private readonly Tensor _residualRows;
    private readonly Tensor _normedRows;
    private readonly Tensor _branchRows;
    private KvCache? _cache;

    public Decoder(DecoderBlueprint blueprint, ModelConfig config, ModelFacts facts, CachePlace[] places, WeightLoader loader, int maxRows)
    {
        (Facts, _config, _loader, _device) = (facts, config, loader, loader.Device);
        _workspace = new(_device, maxRows);
        try
        {
            _embedding = loader.Load(new LinearSource(blueprint.Embedding));
            _positions = blueprint.Positions is null ? null : loader.Load(new LinearSource(blueprint.Positions));
            _layers = [.. blueprint.Layers.Select((layer, index) => new DecoderLayer(layer, places[index], loader, _workspace))];
            _finalNorm = loader.Load(blueprint.FinalNorm);
            _head = blueprint.Head is null ? _embedding : loader.Load(new LinearSource(blueprint.Head));
            _rope = config.Rope is null ? null : new(config.Rope, maxRows);
            _residualRows = _workspace.Share("residual", config.Width);
            _normedRows = _workspace.Share("normed", config.Width);
            _branchRows = _workspace.Share("branch", config.Width);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public ModelFacts Facts { get; }

    public required string Fingerprint { get; init; }

    public int MaxRows => _workspace.MaxRows;

    public void Attach(KvCache cache)
    {
        _cache = cache.Geometry == Facts.Cache.Geometry
            ? cache
            : throw new ArgumentException($"the cache is of {cache.Geometry}, the model needs {Facts.Cache.Geometry}", nameof(cache));
    }

    public void Forward(ForwardBatch batch)
    {
        var cache = _cache ?? throw new InvalidOperationException("attach a cache first");
        var (residual, normed, branch) = (_residualRows.Take(batch.Rows), _normedRows.Take(batch.Rows), _branchRows.Take(batch.Rows));
        _rope?.Fill(batch);
        Embed(batch, residual, branch);
        _device.Norm(residual, _layers[0].AttentionNorm, normed);
        for (var index = 0; index < _layers.Length; index++)
        {
            var layer = _layers[index];
            layer.Attention.Forward(_device, batch, _rope?.Plan, cache, normed, branch);
            PostNorm(branch, layer.AttentionPostNorm);
            _device.AddNorm(branch, residual, layer.MlpNorm, normed);
            layer.Mlp.Forward(_device, normed, branch);
            PostNorm(branch, layer.MlpPostNorm);
            _device.AddNorm(branch, residual, index + 1 < _layers.Length ? _layers[index + 1].AttentionNorm : _finalNorm, normed);
            batch.CountLayer();
        }
    }

    public void Logits(ReadOnlySpan<int> rows, Tensor to) => _device.Logits(_normedRows, rows, _head, _config.LogitSoftCap, to);

    public void Dispose()
    {
        _loader.Dispose();
        _workspace.Dispose();
    }

    private void Embed(ForwardBatch batch, Tensor residual, Tensor scratch)
    {
        _device.Embed(batch.TokenIds.AsSpan(0, batch.Rows), _embedding, _config.EmbeddingScale, residual);
        if (_positions is not null)
        {
            _device.Embed(batch.Positions.AsSpan(0, batch.Rows), _positions, 1, scratch);
            _device.Add(scratch, residual);
        }
    }

    private void PostNorm(Tensor branch, NormWeight? norm)
    {
        if (norm is not null)
        {
            _device.Norm(branch, norm, branch);
        }
    }
}
