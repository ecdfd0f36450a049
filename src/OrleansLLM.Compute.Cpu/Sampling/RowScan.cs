using System.Runtime.CompilerServices;
using OrleansLLM.Compute.Cpu.Elementwise;
using OrleansLLM.Compute.Cpu.Simd;

namespace OrleansLLM.Compute.Cpu.Sampling;

/// <summary>Passes over a row of logits. NaN is never the largest.</summary>
internal static unsafe class RowScan<TSimd, TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    private const int SumLanes = 16;

    /// <summary>Whether none is NaN or infinity, and one is above minus infinity.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static bool AreNumbers(float* x, int count)
    {
        var (infinity, lowest) = (TSimd.Broadcast(float.PositiveInfinity), TSimd.Broadcast(float.NegativeInfinity));
        var (all, any) = (TSimd.EqualInt32(TSimd.Zero, TSimd.Zero), TSimd.Zero);
        var i = 0;
        for (; i + TSimd.Lanes <= count; i += TSimd.Lanes)
        {
            var value = TSimd.Load(x + i);
            all = TSimd.And(all, TSimd.Greater(infinity, value));
            any = TSimd.Or(any, TSimd.Greater(value, lowest));
        }

        var (areNumbers, isOneLeft) = (!TSimd.Any(TSimd.EqualInt32(all, TSimd.Zero)), TSimd.Any(any));
        for (; i < count; i++)
        {
            areNumbers &= x[i] < float.PositiveInfinity;
            isOneLeft |= x[i] > float.NegativeInfinity;
        }

        return areNumbers && isOneLeft;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Maximum(float* x, int count)
    {
        var lanes = stackalloc float[SumLanes];
        var (first, second) = (TSimd.Broadcast(float.NegativeInfinity), TSimd.Broadcast(float.NegativeInfinity));
        var i = 0;
        for (; i + (2 * TSimd.Lanes) <= count; i += 2 * TSimd.Lanes)
        {
            first = VectorMath<TSimd, TVector>.Max(TSimd.Load(x + i), first);
            second = VectorMath<TSimd, TVector>.Max(TSimd.Load(x + i + TSimd.Lanes), second);
        }

        TSimd.Store(VectorMath<TSimd, TVector>.Max(first, second), lanes);
        var maximum = lanes[0];
        for (var lane = 1; lane < TSimd.Lanes; lane++)
        {
            maximum = lanes[lane] > maximum ? lanes[lane] : maximum;
        }

        for (; i < count; i++)
        {
            maximum = x[i] > maximum ? x[i] : maximum;
        }

        return maximum;
    }

    /// <summary>The lowest index of the largest number, or that nothing is allowed where none is above minus infinity.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int ArgMax(float* x, int count)
    {
        var maximum = Maximum(x, count);
        if (float.IsNegativeInfinity(maximum))
        {
            return SamplingPlan.NothingAllowed;
        }

        var almost = TSimd.Broadcast(MathF.BitDecrement(maximum));
        for (var i = 0; i < count; i += TSimd.Lanes)
        {
            if (i + TSimd.Lanes <= count && !TSimd.Any(TSimd.Greater(TSimd.Load(x + i), almost)))
            {
                continue;
            }

            for (var k = i; k < Math.Min(i + TSimd.Lanes, count); k++)
            {
                if (x[k] >= maximum)
                {
                    return k;
                }
            }
        }

        return SamplingPlan.NothingAllowed;
    }

    /// <summary>
    /// weights = e^(x - maximum), whose sum is returned: each run of 1024 in 16 float lanes that add in order, the runs in double precision.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static double Exponentials(float* x, int count, float maximum, float* weights)
    {
        var total = 0.0;
        for (var first = 0; first < count; first += 1024)
        {
            total += ExponentialRun(x + first, Math.Min(1024, count - first), maximum, weights + first);
        }

        return total;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static double ExponentialRun(float* x, int count, float maximum, float* weights)
    {
        var lanes = stackalloc float[SumLanes];
        var whole = count - (count % SumLanes);
        for (var lane = 0; lane < SumLanes; lane += TSimd.Lanes)
        {
            var sum = TSimd.Zero;
            for (var i = lane; i < whole; i += SumLanes)
            {
                var weight = VectorMath<TSimd, TVector>.Exp(TSimd.Subtract(TSimd.Load(x + i), TSimd.Broadcast(maximum)));
                TSimd.Store(weight, weights + i);
                sum = TSimd.Add(sum, weight);
            }

            TSimd.Store(sum, lanes + lane);
        }

        var total = 0.0;
        for (var i = whole; i < count; i++)
        {
            weights[i] = (float)Math.Exp(x[i] - maximum);
            total += weights[i];
        }

        for (var lane = 0; lane < SumLanes; lane++)
        {
            total += lanes[lane];
        }

        return total;
    }
}
