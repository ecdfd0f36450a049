namespace OrleansLLM.Compute.Cpu.Tests;

public sealed class CpuDeviceOptionsTests
{
    [Fact]
    public void A_device_is_not_made_with_what_can_not_be()
    {
        Assert.Equal(
            "Threads is 0; it must be 1 or more.", Assert.Throws<ArgumentException>(() => CpuDevice.Create(new CpuDeviceOptions { Threads = 0 })).Message);
        Assert.Equal(
            "Arithmetic is 7; it must be Auto or Float32.",
            Assert.Throws<ArgumentException>(() => CpuDevice.Create(new CpuDeviceOptions { Arithmetic = (Arithmetic)7 })).Message);
    }
}
