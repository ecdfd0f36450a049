using OrleansLLM.Testing.Contract;

namespace OrleansLLM.Compute.Cpu.Tests.Attention;

public sealed class AttendTests() : AttendContract(CpuProfile.Instance)
{
    [Fact]
    public void Block_sizes_do_not_change_bits()
    {
        using var device = TestDevices.Create();
        var expected = Case(16, 3, 32, 0, 0, ElementType.BFloat16);
        var rows = expected.Rows(new Random(23));
        foreach (var blockSize in new[] { 1, 4, 32, 100 })
        {
            Arrange.AssertSameBits(
                expected.Run(device, rows, 100)[0], Case(blockSize, 3, 32, 0, 0, ElementType.BFloat16).Run(device, rows, 100)[0]);
        }
    }
}
