using OrleansLLM.Compute;
using OrleansLLM.Compute.Cpu;

namespace OrleansLLM.Models.Tests;

/// <summary>The device that these tests run on, in float32.</summary>
internal static class TestDevices
{
    public static IDevice Create() => CpuDevice.Create(new() { Arithmetic = Arithmetic.Float32 });
}
