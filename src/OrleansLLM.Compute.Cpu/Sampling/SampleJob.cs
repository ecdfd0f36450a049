using OrleansLLM.Compute.Cpu.Elementwise;
using OrleansLLM.Compute.Cpu.Simd;
using OrleansLLM.Compute.Cpu.Threads;

namespace OrleansLLM.Compute.Cpu.Sampling;

/// <summary>Draws a row an item, in the order that <see cref="SamplingPlan"/> states. The logits stay as they are.</summary>
internal readonly unsafe struct SampleJob<TSimd, TVector>(RowPointers logits, int columns, SamplingPlan plan, SampleRooms rooms, int* to) : IJob
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    public void Run(int item, int worker) => to[item] = RowScan<TSimd, TVector>.AreNumbers(logits.Row(item), columns)
        ? Draw(item, rooms.Of(worker))
        : SamplingPlan.BrokenLogits;

    private int Draw(int item, SampleRoom room)
    {
        var x = logits.Row(item);
        if (!plan.Allowed.Ids(item).IsEmpty || !plan.Bias.Ids(item).IsEmpty || !plan.Seen.Ids(item).IsEmpty)
        {
            Adjust(item, x, room.Logits);
            x = room.Logits;
        }

        if (plan.Temperature[item] == 0)
        {
            return RowScan<TSimd, TVector>.ArgMax(x, columns);
        }

        Divide(x, plan.Temperature[item], room.Logits);
        var maximum = RowScan<TSimd, TVector>.Maximum(room.Logits, columns);
        if (!float.IsFinite(maximum))
        {
            // Nothing is left, or a bias, penalty or temperature went beyond all numbers: the first such one is as likely as any.
            return RowScan<TSimd, TVector>.ArgMax(room.Logits, columns);
        }

        var uniform = SamplingNoise.Uniform(plan.Seed[item], plan.Sample[item], plan.Position[item]);
        var limits = new DrawLimits(plan.TopK[item], plan.TopP[item], plan.MinP[item]);
        return limits.KeepAll
            ? FullDraw<TSimd, TVector>.Run(room, columns, maximum, uniform)
            : LimitedDraw<TSimd, TVector>.Run(room, columns, maximum, limits, uniform);
    }

    private void Divide(float* x, float temperature, float* to) =>
        ElementwiseLoop<DivideFunction, TSimd, TVector>.Run(new(temperature), x, x, to, columns);

    /// <summary>Allowed ids, bias, then penalties: repetition, frequency, presence.</summary>
    private void Adjust(int row, float* x, float* adjusted)
    {
        var allowed = plan.Allowed.Ids(row);
        if (allowed.IsEmpty)
        {
            new Span<float>(x, columns).CopyTo(new Span<float>(adjusted, columns));
        }
        else
        {
            new Span<float>(adjusted, columns).Fill(float.NegativeInfinity);
            foreach (var id in allowed)
            {
                adjusted[id] = x[id];
            }
        }

        var biased = plan.Bias.Ids(row);
        var biases = plan.Bias.Values(row);
        for (var i = 0; i < biased.Length; i++)
        {
            adjusted[biased[i]] += biases[i];
        }

        Penalize(row, adjusted);
    }

    private void Penalize(int row, float* adjusted)
    {
        var seen = plan.Seen.Ids(row);
        var counts = plan.Seen.Values(row);
        var (repetition, frequency, presence) = (plan.RepetitionPenalty[row], plan.FrequencyPenalty[row], plan.PresencePenalty[row]);
        for (var i = 0; i < seen.Length; i++)
        {
            var value = adjusted[seen[i]];
            value = value > 0 ? value / repetition : value * repetition;
            value -= frequency * counts[i];
            adjusted[seen[i]] = value - (counts[i] > 0 ? presence : 0);
        }
    }

    private readonly struct DivideFunction(float divisor) : IElementwise<TVector>
    {
        public TVector Apply(TVector left, TVector right) => TSimd.Divide(left, TSimd.Broadcast(divisor));
    }
}

/// <summary>What a draw is limited to; 0, 1 and 0 mean all.</summary>
internal readonly record struct DrawLimits(int TopK, float TopP, float MinP)
{
    public bool KeepAll => TopK == 0 && TopP >= 1 && MinP <= 0;
}

/// <summary>Draws from all tokens: the lowest id at which the running sum of weights passes the uniform's share of the total.</summary>
internal static unsafe class FullDraw<TSimd, TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    /// <param name="maximum">The largest logit, a finite one.</param>
    public static int Run(SampleRoom room, int columns, float maximum, double uniform)
    {
        var target = uniform * RowScan<TSimd, TVector>.Exponentials(room.Logits, columns, maximum, room.Weights);
        var (sum, last) = (0.0, 0);
        for (var id = 0; id < columns; id++)
        {
            sum += room.Weights[id];
            if (sum > target)
            {
                return id;
            }

            last = room.Weights[id] > 0 ? id : last;
        }

        return last;
    }
}
