using OrleansLLM.Compute;
using OrleansLLM.Models.Blueprints;
using OrleansLLM.Models.Tensors;

namespace OrleansLLM.Models.Loading;

/// <summary>
/// Hands a model's weights to the device, one linear at a time, lets the file's pages go after each, and owns what the device made of
/// them.
/// </summary>
internal sealed class WeightLoader(IDevice device, long totalBytes, IProgress<LoadProgress>? progress) : IDisposable
{
    private readonly List<DeviceMemory> _owned = [];
    private long _loadedBytes;

    public IDevice Device { get; } = device;

    public Weight Load(LinearSource source)
    {
        var weight = Own(Device.Load(source));
        Release([source]);
        return weight;
    }

    public ExpertWeights LoadExperts(IReadOnlyList<LinearSource> experts)
    {
        var weights = Own(Device.LoadExperts(experts));
        Release(experts);
        return weights;
    }

    public NormWeight Load(NormBlueprint norm) => Own(Device.LoadNorm(norm.Kind, norm.Epsilon, norm.Scale, norm.Bias));

    public NormWeight? LoadOptional(NormBlueprint? norm) => norm is null ? null : Load(norm);

    public void Dispose()
    {
        foreach (var memory in _owned)
        {
            memory.Dispose();
        }

        _owned.Clear();
    }

    private T Own<T>(T memory)
        where T : DeviceMemory
    {
        _owned.Add(memory);
        return memory;
    }

    private void Release(IReadOnlyList<LinearSource> sources)
    {
        foreach (var part in sources.SelectMany(source => source.Parts))
        {
            (part as FileSource)?.Tensor.Release();
            _loadedBytes += (long)part.Rows * part.RowBytes;
        }

        progress?.Report(new(_loadedBytes, totalBytes));
    }
}
