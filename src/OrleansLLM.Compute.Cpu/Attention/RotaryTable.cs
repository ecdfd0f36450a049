using OrleansLLM.Compute.Cpu.Memory;

namespace OrleansLLM.Compute.Cpu.Attention;

/// <summary>
/// Cosines and sines of a step's rows, computed once and reused by every layer as long as the plan says the same: [row][Half cosines |
/// Half sines], with the plan's factor. The angle is a float32 product, as in the libraries that models are trained with.
/// </summary>
internal sealed unsafe class RotaryTable : IDisposable
{
    private readonly Scratch _table = new();
    private int[] _positions = [];
    private int[] _frequencyRows = [];
    private float[] _frequencies = [];
    private int _rows;
    private int _half;
    private float _scale;

    public float* Get(RopePlan plan, int rows)
    {
        var table = (float*)_table.Take((long)rows * plan.Half * 2 * sizeof(float));
        if (!Holds(plan, rows))
        {
            Remember(plan, rows);
            Fill(plan, rows, table);
        }

        return table;
    }

    public void Dispose() => _table.Dispose();

    private static void Fill(RopePlan plan, int rows, float* table)
    {
        for (var row = 0; row < rows; row++, table += 2 * plan.Half)
        {
            var frequencies = plan.Frequencies.AsSpan(plan.FrequencyRows[row] * plan.Half, plan.Half);
            for (var i = 0; i < plan.Half; i++)
            {
                var angle = plan.Positions[row] * frequencies[i];
                var (sine, cosine) = Math.SinCos(angle);
                table[i] = (float)cosine * plan.Scale;
                table[plan.Half + i] = (float)sine * plan.Scale;
            }
        }
    }

    private bool Holds(RopePlan plan, int rows) =>
        rows == _rows && plan.Half == _half && plan.Scale == _scale
        && plan.Positions.AsSpan(0, rows).SequenceEqual(_positions.AsSpan(0, rows))
        && plan.FrequencyRows.AsSpan(0, rows).SequenceEqual(_frequencyRows.AsSpan(0, rows))
        && plan.Frequencies.AsSpan().SequenceEqual(_frequencies);

    private void Remember(RopePlan plan, int rows)
    {
        (_rows, _half, _scale) = (rows, plan.Half, plan.Scale);
        Copy(plan.Positions, ref _positions);
        Copy(plan.FrequencyRows, ref _frequencyRows);
        Copy(plan.Frequencies, ref _frequencies);
    }

    private static void Copy<T>(T[] from, ref T[] to)
    {
        if (to.Length != from.Length)
        {
            to = new T[from.Length];
        }

        from.CopyTo(to, 0);
    }
}
