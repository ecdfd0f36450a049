using OrleansLLM.Compute;
using OrleansLLM.Compute.Cpu;
using OrleansLLM.Testing;

namespace OrleansLLM.Models.Tests;

internal static class TestDevices
{
    /// <summary>The device that defines what is computed, and the one that users run.</summary>
    public static IReadOnlyList<Func<IDevice>> Every { get; } = [() => new ReferenceDevice(), () => Create(Arithmetic.Auto)];

    /// <summary>The device that these tests run on, in float32 unless a test asks for something else.</summary>
    public static IDevice Create(Arithmetic arithmetic = Arithmetic.Float32) => CpuDevice.Create(new() { Arithmetic = arithmetic });
}
