using OrleansLLM.Compute;
using OrleansLLM.Compute.Cpu;

namespace OrleansLLM.Models.Tests;

/// <summary>The device that these tests run on, in float32 unless a test asks for something else.</summary>
internal static class TestDevices
{
    public static IDevice Create(Arithmetic arithmetic = Arithmetic.Float32) => CpuDevice.Create(new() { Arithmetic = arithmetic });
}
