using OrleansLLM.Compute;
using OrleansLLM.Engine;
using OrleansLLM.Models;
using OrleansLLM.Text;

namespace OrleansLLM.Hosting;

/// <summary>A model that answers: its text side, and the engine that computes it. Disposing ends the engine and frees all memory.</summary>
public sealed class LoadedModel(ServedModel served, InferenceEngine engine, ICausalModel model, IDevice device, LoadReport report) : IDisposable
{
    public ServedModel Served { get; } = served;

    public InferenceEngine Engine { get; } = engine;

    /// <summary>What took how long, and how much memory.</summary>
    public LoadReport Report { get; } = report;

    /// <summary>Frees all memory, but for what a stuck step still uses.</summary>
    public void Dispose()
    {
        Engine.Dispose();
        if (!Engine.HasLeftDevice)
        {
            return;
        }

        model.Dispose();
        device.Dispose();
    }
}

/// <summary>What loading took.</summary>
/// <param name="Phases">Names and durations; the tokenizer loads beside the others.</param>
/// <param name="WeightBytes">Of all tensors, in the file's formats.</param>
/// <param name="KvCacheBytes">Of the block pool, whose pages are untouched until blocks are used.</param>
public sealed record LoadReport(IReadOnlyList<LoadPhase> Phases, TimeSpan Whole, long WeightBytes, long KvCacheBytes)
{
    public override string ToString() =>
        FormattableString.Invariant($"{Whole.TotalSeconds:F2} s ({string.Join(", ", Phases)})");
}

/// <param name="Name">Such as "weights".</param>
public sealed record LoadPhase(string Name, TimeSpan Duration)
{
    public override string ToString() => FormattableString.Invariant($"{Name} {Duration.TotalSeconds:F2}");
}
