using OrleansLLM.Compute;
using Xunit;

namespace OrleansLLM.Testing.Contract;

/// <summary>Embed, linear and logits, for every weight format.</summary>
public abstract class LinearContract(DeviceProfile profile) : DeviceContract(profile)
{
    public static TheoryData<string> Formats => [.. WeightFormats.All.Select(format => format.Name)];

    [Theory]
    [MemberData(nameof(Formats))]
    public void Float_arithmetic_agrees_with_the_reference_for_every_format(string name) =>
        CheckLinear(WeightFormats.Find(name)!, Arithmetic.Float32);

    [Theory]
    [MemberData(nameof(Formats))]
    public void The_default_arithmetic_agrees_with_the_reference_for_every_format(string name) =>
        CheckLinear(WeightFormats.Find(name)!, Arithmetic.Auto);

    [Theory]
    [MemberData(nameof(Formats))]
    public void Embedding_decodes_rows_exactly(string name)
    {
        var random = new Random(13);
        var format = WeightFormats.Find(name)!;
        var columns = format.BlockElements == 1 ? 301 : 2 * Math.Max(format.BlockElements, 160);
        var source = Arrange.Weights(random, format, 40, columns);
        foreach (var arithmetic in Arithmetics)
        {
            using var device = Profile.Create(arithmetic);
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

    [Fact]
    public void A_source_that_fails_while_several_threads_read_it_fails_with_its_own_words()
    {
        using var device = Profile.Create(threads: 3);
        var sound = Arrange.Weights(new Random(19), WeightFormats.F32, 200, 32);
        var error = Assert.Throws<IOException>(() => device.Load(new LinearSource([sound, new FailingSource(sound)], default)));
        Assert.Equal("the disk is gone", error.Message);
        Assert.Throws<IOException>(() => device.LoadExperts([new LinearSource(sound), new LinearSource(new FailingSource(sound))]));
    }

    [Theory]
    [InlineData(40)]
    [InlineData(-1)]
    public void An_id_without_a_row_is_refused_before_a_thread_computes(int id)
    {
        using var device = Profile.Create(threads: 3);
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
    public void A_row_is_the_same_alone_and_in_any_batch_and_thread_count(string name)
    {
        var random = new Random(14);
        var format = WeightFormats.Find(name)!;
        var columns = format.BlockElements == 1 ? 203 : 2 * format.BlockElements;
        var source = new LinearSource(Arrange.Weights(random, format, 70, columns));
        var x = Arrange.Numbers(random, 19 * columns);
        foreach (var arithmetic in Arithmetics)
        {
            using var one = Profile.Create(arithmetic, threads: 1);
            using var three = Profile.Create(arithmetic, threads: 3);
            var tolerance = Profile.LinearTolerance(format, arithmetic);
            var alone = x.Chunk(columns).SelectMany(row => Linear(one, source, row, 1)).ToArray();
            AssertSameRows(alone, Linear(three, source, x, 19), tolerance);
            AssertSameRows(alone, [.. x.Chunk(6 * columns).SelectMany(rows => Linear(three, source, rows, rows.Length / columns))], tolerance);
        }
    }

    /// <summary>Of damaged weights nothing may become a number that looks like others.</summary>
    [Theory]
    [MemberData(nameof(Formats))]
    public void A_weight_that_is_no_number_gives_outputs_that_are_none_and_spoils_no_other(string name)
    {
        var random = new Random(17);
        var format = WeightFormats.Find(name)!;
        var columns = format.BlockElements == 1 ? 203 : 2 * format.BlockElements;
        var x = Arrange.Numbers(random, 5 * columns);
        foreach (var (row, damaged) in Arrange.Damages(random, format, 40, columns))
        {
            foreach (var arithmetic in Arithmetics)
            {
                using var device = Profile.Create(arithmetic);
                var outputs = Linear(device, new LinearSource(damaged), x, 5);
                Assert.All(outputs, (output, i) => Assert.Equal(i % 40 != row, float.IsFinite(output)));
                using var weight = device.Load(new LinearSource(damaged));
                var embedded = device.Allocate(2, columns);
                device.Embed([row, row - 1], weight, 1, embedded);
                var numbers = Arrange.Download(device, embedded);
                Assert.Contains(numbers[..columns], number => !float.IsFinite(number));
                Assert.All(numbers[columns..], number => Assert.True(float.IsFinite(number)));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void A_row_with_an_input_that_is_no_number_has_outputs_that_are_none_and_spoils_no_other(string name)
    {
        var random = new Random(18);
        var format = WeightFormats.Find(name)!;
        var columns = format.BlockElements == 1 ? 203 : 2 * format.BlockElements;
        var source = new LinearSource(Arrange.Weights(random, format, 40, columns));
        foreach (var arithmetic in Arithmetics)
        {
            using var device = Profile.Create(arithmetic);
            foreach (var number in new[] { float.NaN, -float.NaN, float.PositiveInfinity })
            {
                foreach (var place in new[] { 0, columns / 2, columns - 1 })
                {
                    var x = Arrange.Numbers(random, 5 * columns);
                    x[columns + place] = number;
                    Assert.All(Linear(device, source, x, 5), (output, i) => Assert.Equal(i / 40 != 1, float.IsFinite(output)));
                }

                var all = Arrange.Numbers(random, columns);
                all.AsSpan().Fill(number);
                Assert.All(Linear(device, source, all, 1), output => Assert.False(float.IsFinite(output)));
            }
        }
    }

    [Fact]
    public void Logits_take_the_named_rows_and_are_capped()
    {
        var random = new Random(15);
        using var device = Profile.Create();
        using var reference = new ReferenceDevice();
        var source = new LinearSource(Arrange.Weights(random, WeightFormats.F32, 83, 40));
        var x = Arrange.Numbers(random, 9 * 40);
        float[] Run(IDevice on)
        {
            var to = on.Allocate(4, 83);
            on.Logits(Arrange.Upload(on, x, 9, 40), [8, 0, 3, 3], on.Load(source), 5, to);
            return Arrange.Download(on, to);
        }

        Arrange.AssertClose(Run(reference), Run(device), Profile.LinearTolerance(WeightFormats.F32, Arithmetic.Auto));
    }

    private void CheckLinear(WeightFormat format, Arithmetic arithmetic)
    {
        var random = new Random(12);
        using var device = Profile.Create(arithmetic);
        using var reference = new ReferenceDevice();
        foreach (var (rows, outputs, blocks) in new[] { (1, 33, 3), (4, 16, 1), (11, 50, 2) })
        {
            var columns = format.BlockElements == 1 ? (blocks * 37) : blocks * format.BlockElements;
            var source = new LinearSource(
                [Arrange.Weights(random, format, outputs, columns), Arrange.Weights(random, WeightFormats.F32, 7, columns)],
                Arrange.Numbers(random, outputs + 7));
            var x = Arrange.Numbers(random, rows * columns);
            Arrange.AssertClose(
                Linear(reference, source, x, rows), Linear(device, source, x, rows), Profile.LinearTolerance(format, arithmetic));
        }
    }

    private sealed class FailingSource(WeightSource like) : WeightSource
    {
        public override WeightFormat Format => like.Format;

        public override int Rows => like.Rows;

        public override int Columns => like.Columns;

        public override ReadOnlySpan<byte> Row(int row) => row > 20 ? throw new IOException("the disk is gone") : like.Row(row);
    }

    private static float[] Linear(IDevice device, LinearSource source, float[] x, int rows)
    {
        using var weight = device.Load(source);
        var to = device.Allocate(rows, source.Outputs);
        device.Linear(Arrange.Upload(device, x, rows, source.Inputs), weight, to);
        return Arrange.Download(device, to);
    }
}
