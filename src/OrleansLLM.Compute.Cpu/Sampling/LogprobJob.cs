using OrleansLLM.Compute.Cpu.Elementwise;
using OrleansLLM.Compute.Cpu.Simd;
using OrleansLLM.Compute.Cpu.Threads;

namespace OrleansLLM.Compute.Cpu.Sampling;

/// <summary>Log probabilities of raw logits, a row an item.</summary>
internal readonly unsafe struct LogprobJob<TSimd, TVector>(
    RowPointers logits, int columns, int* chosen, int* top, int firstRow, LogprobResult to) : IJob
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    public void Run(int item, int worker)
    {
        if (top[item] < 0)
        {
            return;
        }

        var x = logits.Row(item);
        var row = firstRow + item;
        if (!RowScan<TSimd, TVector>.AreNumbers(x, columns))
        {
            to.Chosen[row] = float.NaN;
            return;
        }

        var normalizer = LogSum(x);
        var picked = x[chosen[item]];
        to.Chosen[row] = (float)(picked - normalizer);
        to.Rank[row] = 1 + CountGreater(x, picked);
        var ids = to.TopIds.AsSpan(row * to.MaxTop, top[item]);
        TakeTop(x, ids);
        for (var i = 0; i < ids.Length; i++)
        {
            to.TopLogprobs[(row * to.MaxTop) + i] = (float)(x[ids[i]] - normalizer);
        }
    }

    private double LogSum(float* x)
    {
        const int Run = 1024;
        var weights = stackalloc float[Run];
        var maximum = RowScan<TSimd, TVector>.Maximum(x, columns);
        var total = 0.0;
        for (var first = 0; first < columns; first += Run)
        {
            total += RowScan<TSimd, TVector>.Exponentials(x + first, Math.Min(Run, columns - first), maximum, weights);
        }

        return maximum + Math.Log(total);
    }

    private int CountGreater(float* x, float than)
    {
        var count = 0;
        for (var id = 0; id < columns; id++)
        {
            count += x[id] > than ? 1 : 0;
        }

        return count;
    }

    /// <summary>Keeps the best so far in order; an id enters behind those that are at least as large.</summary>
    private void TakeTop(float* x, Span<int> ids)
    {
        var count = 0;
        for (var id = 0; id < columns && ids.Length > 0; id++)
        {
            if (count == ids.Length && !(x[id] > x[ids[^1]]))
            {
                continue;
            }

            var place = count < ids.Length ? count++ : count - 1;
            for (; place > 0 && x[id] > x[ids[place - 1]]; place--)
            {
                ids[place] = ids[place - 1];
            }

            ids[place] = id;
        }
    }
}
