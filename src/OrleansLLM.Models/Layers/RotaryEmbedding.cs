using OrleansLLM.Compute;
using OrleansLLM.Models.Configuration;

namespace OrleansLLM.Models.Layers;

/// <summary>
/// Fills a model's rope plan once a step. Static scalings have one row of frequencies for ever; dynamic ones a row for each run of equal
/// lengths above the original maximum. The table grows to the largest step seen and stays.
/// </summary>
internal sealed class RotaryEmbedding
{
    private readonly RopeConfig _rope;
    private readonly int _half;

    public RotaryEmbedding(RopeConfig rope, int maxRows)
    {
        _rope = rope;
        _half = rope.Width / 2;
        Plan = new(maxRows, _half) { Scale = (float)rope.AttentionFactor };
        RopeFrequencies.Fill(rope, 0, Plan.Frequencies.AsSpan(0, _half));
    }

    public RopePlan Plan { get; }

    /// <summary>0, or the length above which frequencies depend on the sequence.</summary>
    public static int DynamicOrigin(RopeConfig? rope) => rope is { Scaling: RopeScaling.Dynamic } ? rope.OriginalLength : 0;

    public void Fill(ForwardBatch batch)
    {
        Plan.Rows = batch.Rows;
        batch.Positions.AsSpan(0, batch.Rows).CopyTo(Plan.Positions);
        if (_rope.Scaling == RopeScaling.Dynamic)
        {
            FillDynamic(batch);
        }
    }

    private void FillDynamic(ForwardBatch batch)
    {
        var (rows, before) = (1, 0);
        for (var row = 0; row < batch.Rows; row++)
        {
            var length = batch.RopeLengths[row];
            if (length <= _rope.OriginalLength)
            {
                Plan.FrequencyRows[row] = 0;
                continue;
            }

            if (length != before)
            {
                before = length;
                Reserve(++rows);
                RopeFrequencies.Fill(_rope, length, Plan.Frequencies.AsSpan((rows - 1) * _half, _half));
            }

            Plan.FrequencyRows[row] = rows - 1;
        }
    }

    private void Reserve(int rows)
    {
        if (Plan.Frequencies.Length < rows * _half)
        {
            var larger = new float[rows * 2 * _half];
            Plan.Frequencies.CopyTo(larger, 0);
            Plan.Frequencies = larger;
        }
    }
}
