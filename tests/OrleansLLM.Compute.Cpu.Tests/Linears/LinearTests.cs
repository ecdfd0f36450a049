using OrleansLLM.Testing;

namespace OrleansLLM.Compute.Cpu.Tests.Linears;

public sealed class LinearTests
{
    public static TheoryData<string> Formats => [.. WeightFormats.All.Select(format => format.Name)];

    public static TheoryData<string> QuantizedFormats => [.. WeightFormats.All.Where(format => format.BlockElements > 1).Select(format => format.Name)];

    [Theory]
    [MemberData(nameof(QuantizedFormats))]
    public void Integer_kernels_equal_their_scalar_definition_bit_for_bit(string name)
    {
        var random = new Random(11);
        using var device = Arrange.Device();
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

    [Theory]
    [MemberData(nameof(Formats))]
    public void Float_arithmetic_agrees_with_the_reference_for_every_format(string name)
    {
        var random = new Random(12);
        using var device = Arrange.Device(arithmetic: Arithmetic.Float32);
        using var reference = new ReferenceDevice();
        var format = WeightFormats.Find(name)!;
        foreach (var (rows, outputs, blocks) in new[] { (1, 33, 3), (4, 16, 1), (11, 50, 2) })
        {
            var columns = format.BlockElements == 1 ? (blocks * 37) : blocks * format.BlockElements;
            var source = new LinearSource(
                [Arrange.Weights(random, format, outputs, columns), Arrange.Weights(random, WeightFormats.F32, 7, columns)],
                Arrange.Numbers(random, outputs + 7));
            var x = Arrange.Numbers(random, rows * columns);
            Arrange.AssertClose(Linear(reference, source, x, rows), Linear(device, source, x, rows), 1e-5);
        }
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void Embedding_decodes_rows_exactly(string name)
    {
        var random = new Random(13);
        var format = WeightFormats.Find(name)!;
        var columns = format.BlockElements == 1 ? 301 : 2 * Math.Max(format.BlockElements, 160);
        var source = Arrange.Weights(random, format, 40, columns);
        foreach (var arithmetic in new[] { Arithmetic.Auto, Arithmetic.Float32 })
        {
            using var device = Arrange.Device(arithmetic: arithmetic);
            using var weight = device.Load(new LinearSource(source));
            var to = device.Allocate(3, columns);
            device.Embed([39, 0, 17], weight, 1, to);
            var expected = new float[3 * columns];
            format.Decode(source.Row(39), expected.AsSpan(0, columns));
            format.Decode(source.Row(0), expected.AsSpan(columns, columns));
            format.Decode(source.Row(17), expected.AsSpan(2 * columns, columns));
            Arrange.AssertSameBits(expected, Arrange.Download(device, to));
        }
    }

    [Theory]
    [InlineData(40)]
    [InlineData(-1)]
    public void An_id_without_a_row_is_refused_before_a_thread_computes(int id)
    {
        using var device = Arrange.Device(3);
        using var weight = device.Load(new LinearSource(Arrange.Weights(new Random(16), WeightFormats.F32, 40, 512)));
        var to = device.Allocate(64, 512);
        var ids = Enumerable.Range(0, 64).Select(i => i % 40).ToArray();
        device.Embed(ids, weight, 1, to);
        var expected = Arrange.Download(device, to);
        Assert.Throws<ArgumentException>(() => device.Embed([.. ids[..63], id], weight, 1, to));
        device.Embed(ids, weight, 1, to);
        Arrange.AssertSameBits(expected, Arrange.Download(device, to));
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void A_row_has_the_same_bits_alone_and_in_any_batch_and_thread_count(string name)
    {
        var random = new Random(14);
        var format = WeightFormats.Find(name)!;
        var columns = format.BlockElements == 1 ? 203 : 2 * format.BlockElements;
        var source = new LinearSource(Arrange.Weights(random, format, 70, columns));
        var x = Arrange.Numbers(random, 19 * columns);
        foreach (var arithmetic in new[] { Arithmetic.Auto, Arithmetic.Float32 })
        {
            using var one = Arrange.Device(1, arithmetic);
            using var three = Arrange.Device(3, arithmetic);
            var alone = x.Chunk(columns).SelectMany(row => Linear(one, source, row, 1)).ToArray();
            Arrange.AssertSameBits(alone, Linear(three, source, x, 19));
            Arrange.AssertSameBits(alone, [.. x.Chunk(6 * columns).SelectMany(rows => Linear(three, source, rows, rows.Length / columns))]);
        }
    }

    [Fact]
    public void Logits_take_the_named_rows_and_are_capped()
    {
        var random = new Random(15);
        using var device = Arrange.Device();
        using var reference = new ReferenceDevice();
        var source = new LinearSource(Arrange.Weights(random, WeightFormats.F32, 83, 40));
        var x = Arrange.Numbers(random, 9 * 40);
        float[] Run(IDevice on)
        {
            var to = on.Allocate(4, 83);
            on.Logits(Arrange.Upload(on, x, 9, 40), [8, 0, 3, 3], on.Load(source), 5, to);
            return Arrange.Download(on, to);
        }

        Arrange.AssertClose(Run(reference), Run(device), 1e-5);
    }

    [Fact]
    public void Weights_take_their_files_size()
    {
        using var device = Arrange.Device();
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

    private static float[] Linear(IDevice device, LinearSource source, float[] x, int rows)
    {
        using var weight = device.Load(source);
        var to = device.Allocate(rows, source.Outputs);
        device.Linear(Arrange.Upload(device, x, rows, source.Inputs), weight, to);
        return Arrange.Download(device, to);
    }
}
