using OrleansLLM.Compute;
using Xunit;

namespace OrleansLLM.Testing.Contract;

/// <summary>Rotate, store and attend over blocks.</summary>
public abstract class AttendContract(DeviceProfile profile) : DeviceContract(profile)
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
            using var device = Profile.Create();
            using var reference = new ReferenceDevice();
            var expected = attend.Run(reference, rows, 50);
            var actual = attend.Run(device, rows, 50);
            for (var sequence = 0; sequence < expected.Length; sequence++)
            {
                Arrange.AssertClose(expected[sequence], actual[sequence], Profile.AttentionTolerance(type));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void A_row_is_the_same_alone_and_in_any_batch_chunk_and_thread_count(
        int blockSize, int group, int width, int window, float softCap)
    {
        var attend = Case(blockSize, group, width, window, softCap, ElementType.BFloat16);
        var tolerance = Profile.AttentionTolerance(ElementType.BFloat16);
        var rows = attend.Rows(new Random(22));
        using var one = Profile.Create(threads: 1);
        using var three = Profile.Create(threads: 3);
        var whole = attend.Run(one, rows, int.MaxValue);
        foreach (var chunk in new[] { 1, 5, 64 })
        {
            var parts = attend.Run(three, rows, chunk);
            var alone = (attend with { Lengths = [attend.Lengths[1]] }).Run(one, [rows[1]], chunk);
            AssertSameRows(whole[1], alone[0], tolerance);
            for (var sequence = 0; sequence < whole.Length; sequence++)
            {
                AssertSameRows(whole[sequence], parts[sequence], tolerance);
            }
        }
    }

    /// <summary>A key, query or value that is none: the rows that see it are none in its heads, the others are as they were.</summary>
    [Theory]
    [MemberData(nameof(Shapes))]
    public void What_is_no_number_spoils_the_rows_that_see_it_and_no_sequence_beside(int blockSize, int group, int width, int window, float softCap)
    {
        var attend = Case(blockSize, group, width, window, softCap, ElementType.BFloat16);
        var (columns, last) = (attend.Shape.QkvColumns, attend.Lengths[1] - 1);
        using var device = Profile.Create();
        foreach (var place in new[] { 0, attend.Shape.Heads * width, columns - 1 })
        {
            var rows = attend.Rows(new Random(23));
            var sound = attend.Run(device, rows, 64);
            rows[1][(last * columns) + place] = float.NaN;
            var spoiled = attend.Run(device, rows, 64);
            Assert.Contains(spoiled[1][^(attend.Shape.Heads * width)..], number => float.IsNaN(number));
            Arrange.AssertSameBits(sound[0], spoiled[0]);
            Arrange.AssertSameBits(sound[3], spoiled[3]);
        }
    }

    /// <summary>Blocks hold what an earlier owner left in them: slots that a sequence has not written count for nothing.</summary>
    [Theory]
    [MemberData(nameof(Shapes))]
    public void Blocks_that_held_no_numbers_are_as_good_as_new(int blockSize, int group, int width, int window, float softCap)
    {
        var attend = Case(blockSize, group, width, window, softCap, ElementType.BFloat16);
        var rows = attend.Rows(new Random(24));
        using var device = Profile.Create();
        var expected = attend.Run(device, rows, 64);
        var actual = (attend with { BlocksHoldNaN = true }).Run(device, rows, 64);
        for (var sequence = 0; sequence < expected.Length; sequence++)
        {
            Arrange.AssertSameBits(expected[sequence], actual[sequence]);
        }
    }

    protected static AttendCase Case(int blockSize, int group, int width, int window, float softCap, ElementType type) =>
        new(
            new AttentionShape(2 * group, 2, width, width, 1 / MathF.Sqrt(width), window, softCap),
            new KvGeometry(blockSize, 2, 2, width, width, type),
            [5, 300, 1, 77]);
}
