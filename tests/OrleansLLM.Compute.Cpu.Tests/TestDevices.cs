namespace OrleansLLM.Compute.Cpu.Tests;

internal static class TestDevices
{
    public static CpuDevice Create(int threads = 2, Arithmetic arithmetic = Arithmetic.Auto) =>
        CpuDevice.Create(new CpuDeviceOptions { Threads = threads, Arithmetic = arithmetic });
}
