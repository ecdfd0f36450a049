using OrleansLLM.Compute;

namespace OrleansLLM.Models.Layers;

/// <summary>
/// Activations that layers share, because one layer at a time computes: whoever asks for the same purpose and width gets the same
/// tensor. Everything is allocated while the model loads.
/// </summary>
internal sealed class Workspace(IDevice device, int maxRows) : IDisposable
{
    private readonly Dictionary<(string Purpose, int Columns), Tensor> _tensors = [];

    public int MaxRows { get; } = maxRows;

    /// <summary>[MaxRows, columns].</summary>
    public Tensor Share(string purpose, int columns)
    {
        if (!_tensors.TryGetValue((purpose, columns), out var tensor))
        {
            tensor = device.Allocate(MaxRows, columns);
            _tensors.Add((purpose, columns), tensor);
        }

        return tensor;
    }

    public void Dispose()
    {
        foreach (var tensor in _tensors.Values)
        {
            tensor.Memory.Dispose();
        }
    }
}
