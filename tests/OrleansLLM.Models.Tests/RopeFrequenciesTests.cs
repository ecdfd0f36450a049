using OrleansLLM.Models.Configuration;
using OrleansLLM.Models.Layers;

namespace OrleansLLM.Models.Tests;

public class RopeFrequenciesTests
{
    private static readonly RopeConfig Dynamic = new(16, 10000, RopeScaling.Dynamic, 2, 64);

    [Fact]
    public void A_dynamic_base_starts_to_grow_above_the_original_length()
    {
        Assert.Equal(Frequencies(Dynamic with { Scaling = RopeScaling.Default }, 1), Frequencies(Dynamic, 64));
        Assert.True(Frequencies(Dynamic, 65)[^1] < Frequencies(Dynamic, 64)[^1]);
    }

    [Fact]
    public void Rows_of_one_length_share_a_row_of_frequencies_and_short_ones_the_first()
    {
        var rope = new RotaryEmbedding(Dynamic, 6);
        var batch = new ForwardBatch(6, 1, 1, 1) { Rows = 6 };
        new[] { 10, 80, 80, 64, 90, 80 }.CopyTo(batch.RopeLengths, 0);
        Enumerable.Range(40, 6).ToArray().CopyTo(batch.Positions, 0);
        rope.Fill(batch);
        Assert.Equal([0, 1, 1, 0, 2, 3], rope.Plan.FrequencyRows);
        Assert.Equal(Enumerable.Range(40, 6), rope.Plan.Positions);
        Assert.Equal(Frequencies(Dynamic, 80), rope.Plan.Frequencies.AsSpan(8, 8).ToArray());
        Assert.Equal(Frequencies(Dynamic, 90), rope.Plan.Frequencies.AsSpan(16, 8).ToArray());
        Assert.Equal(Frequencies(Dynamic, 80), rope.Plan.Frequencies.AsSpan(24, 8).ToArray());
    }

    [Fact]
    public void Yarn_keeps_fast_pairs_and_interpolates_slow_ones()
    {
        var plain = Frequencies(new(128, 10000, RopeScaling.Default, 1, 4096), 0);
        var yarn = Frequencies(new(128, 10000, RopeScaling.Yarn, 4, 4096), 0);
        Assert.Equal(plain[0], yarn[0]);
        Assert.Equal(plain[^1] / 4, yarn[^1], 1e-9f);
    }

    private static float[] Frequencies(RopeConfig rope, int length)
    {
        var values = new float[rope.Width / 2];
        RopeFrequencies.Fill(rope, length, values);
        return values;
    }
}
