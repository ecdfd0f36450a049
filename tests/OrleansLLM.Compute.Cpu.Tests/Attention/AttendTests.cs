using OrleansLLM.Testing;

namespace OrleansLLM.Compute.Cpu.Tests.Attention;

public sealed class AttendTests
{
    public static TheoryData<int, int, int, int, float> Shapes => new()
    {
        // block size, group, width, window, soft cap
        { 16, 3, 64, 0, 0 },
        { 32, 1, 16, 0, 0 },
        { 16, 2, 32, 40, 0 },
        { 4, 4, 16, 0, 30 },
        { 16, 8, 24, 300, 0 },
        { 7, 2, 20, 9, 2 },
        { 48, 9, 128, 0, 50 },
        { 1, 1, 8, 0, 0 },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Attention_agrees_with_the_reference(int blockSize, int group, int width, int window, float softCap)
    {
        foreach (var type in new[] { ElementType.Float32, ElementType.BFloat16 })
        {
            var attend = Case(blockSize, group, width, window, softCap, type) with { Norms = width == 16, RopeScale = 1.25f };
            var rows = attend.Rows(new Random(21));
            using var device = Arrange.Device();
            using var reference = new ReferenceDevice();
            var expected = attend.Run(reference, rows, 50);
            var actual = attend.Run(device, rows, 50);
            // A key on the edge of two bfloat16 numbers may round the other way.
            var tolerance = type == ElementType.Float32 ? 2e-5 : 4e-3;
            for (var sequence = 0; sequence < expected.Length; sequence++)
            {
                Arrange.AssertClose(expected[sequence], actual[sequence], tolerance);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void A_row_has_the_same_bits_alone_and_in_any_batch_chunk_and_thread_count(
        int blockSize, int group, int width, int window, float softCap)
    {
        var attend = Case(blockSize, group, width, window, softCap, ElementType.BFloat16);
        var rows = attend.Rows(new Random(22));
        using var one = Arrange.Device(1);
        using var three = Arrange.Device(3);
        var whole = attend.Run(one, rows, int.MaxValue);
        foreach (var chunk in new[] { 1, 5, 64 })
        {
            var parts = attend.Run(three, rows, chunk);
            var alone = (attend with { Lengths = [attend.Lengths[1]] }).Run(one, [rows[1]], chunk);
            Arrange.AssertSameBits(whole[1], alone[0]);
            for (var sequence = 0; sequence < whole.Length; sequence++)
            {
                Arrange.AssertSameBits(whole[sequence], parts[sequence]);
            }
        }
    }

    [Fact]
    public void Block_sizes_do_not_change_bits()
    {
        using var device = Arrange.Device();
        var expected = Case(16, 3, 32, 0, 0, ElementType.BFloat16);
        var rows = expected.Rows(new Random(23));
        foreach (var blockSize in new[] { 1, 4, 32, 100 })
        {
            Arrange.AssertSameBits(
                expected.Run(device, rows, 100)[0], Case(blockSize, 3, 32, 0, 0, ElementType.BFloat16).Run(device, rows, 100)[0]);
        }
    }

    private static AttendCase Case(int blockSize, int group, int width, int window, float softCap, ElementType type) =>
        new(
            new AttentionShape(2 * group, 2, width, width, 1 / MathF.Sqrt(width), window, softCap),
            new KvGeometry(blockSize, 2, 2, width, width, type),
            [5, 300, 1, 77]);
}
