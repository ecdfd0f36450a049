using OrleansLLM.Testing.Contract;

namespace OrleansLLM.Compute.Cpu.Tests.Linears;

public sealed class LinearTests() : LinearContract(CpuProfile.Instance)
{
    public static TheoryData<string> QuantizedFormats => [.. WeightFormats.All.Where(format => format.BlockElements > 1).Select(format => format.Name)];

    [Theory]
    [MemberData(nameof(QuantizedFormats))]
    public void Integer_kernels_equal_their_scalar_definition_bit_for_bit(string name)
    {
        var random = new Random(11);
        using var device = TestDevices.Create();
        foreach (var (rows, outputs, blocks) in new[] { (1, 37, 3), (5, 16, 1), (21, 19, 2), (1, 20, 9), (3, 17, 12), (13, 33, 12) })
        {
            var format = WeightFormats.Find(name)!;
            var columns = blocks * Math.Max(format.BlockElements, 32);
            var source = Arrange.Weights(random, format, outputs, columns);
            var x = Arrange.Numbers(random, rows * columns);
            x.AsSpan(0, Math.Min(32, columns)).Clear();
            AddOutliers(random, x);
            using var weight = device.Load(new LinearSource(source));
            var to = device.Allocate(rows, outputs);
            device.Linear(Arrange.Upload(device, x, rows, columns), weight, to);
            var expected = x.Chunk(columns).SelectMany(row => QuantizedDefinition.Multiply(row, source)).ToArray();
            Arrange.AssertSameBits(expected, Arrange.Download(device, to));
        }
    }

    [Fact]
    public void Weights_take_their_files_size()
    {
        using var device = TestDevices.Create();
        foreach (var name in new[] { "F32", "F16", "BF16", "Q4_0", "Q4_1", "Q4_K", "Q6_K", "Q8_0" })
        {
            var source = Arrange.Weights(new Random(1), WeightFormats.Find(name)!, 64, 1024);
            using var weight = device.Load(new LinearSource(source));
            Assert.InRange(weight.ByteLength, source.Bytes.Length, source.Bytes.Length * 1.03);
        }
    }

    /// <summary>One number in a hundred is as much larger as behind norms, so that 8-bit blocks leave it out.</summary>
    private static void AddOutliers(Random random, float[] x)
    {
        for (var i = random.Next(100); i < x.Length; i += random.Next(50, 150))
        {
            x[i] *= 40;
        }
    }
}
