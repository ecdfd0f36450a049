using System.Runtime.CompilerServices;
using OrleansLLM.Compute.Cpu.Memory;
using OrleansLLM.Compute.Cpu.Simd;

namespace OrleansLLM.Compute.Cpu.Elementwise;

/// <summary>
/// Normalizes one row. Sums run in 16 lanes (lane = column modulo 16), each in column order, and the lanes add in order.
/// </summary>
internal static unsafe class NormKernel<TSimd, TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    private const int SumLanes = 16;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(float* x, CpuNormWeight weight, float* to)
    {
        var width = weight.Width;
        var mean = weight.Kind == NormKind.Layer ? Sum(x, width) / width : 0;
        var deviation = MathF.Sqrt((SumOfSquares(x, width, mean) / width) + weight.Epsilon);
        var normalize = new Normalize(mean, 1 / deviation);
        ElementwiseLoop<Normalize, TSimd, TVector>.Run(normalize, x, weight.Scale, to, width);
        if (weight.HasBias)
        {
            ElementwiseLoop<AddFunction<TSimd, TVector>, TSimd, TVector>.Run(default, to, weight.Bias, to, width);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Sum(float* x, int count)
    {
        var lanes = stackalloc float[SumLanes];
        var whole = count - (count % SumLanes);
        for (var lane = 0; lane < SumLanes; lane += TSimd.Lanes)
        {
            var sum = TSimd.Zero;
            for (var i = lane; i < whole; i += SumLanes)
            {
                sum = TSimd.Add(sum, TSimd.Load(x + i));
            }

            TSimd.Store(sum, lanes + lane);
        }

        for (var i = whole; i < count; i++)
        {
            lanes[i - whole] += x[i];
        }

        return Total(lanes);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float SumOfSquares(float* x, int count, float mean)
    {
        var lanes = stackalloc float[SumLanes];
        var whole = count - (count % SumLanes);
        for (var lane = 0; lane < SumLanes; lane += TSimd.Lanes)
        {
            var sum = TSimd.Zero;
            for (var i = lane; i < whole; i += SumLanes)
            {
                var distance = TSimd.Subtract(TSimd.Load(x + i), TSimd.Broadcast(mean));
                sum = TSimd.Fma(distance, distance, sum);
            }

            TSimd.Store(sum, lanes + lane);
        }

        for (var i = whole; i < count; i++)
        {
            lanes[i - whole] = MathF.FusedMultiplyAdd(x[i] - mean, x[i] - mean, lanes[i - whole]);
        }

        return Total(lanes);
    }

    private static float Total(float* lanes)
    {
        var total = 0f;
        for (var i = 0; i < SumLanes; i++)
        {
            total += lanes[i];
        }

        return total;
    }

    /// <summary>(left - mean) · factor · right.</summary>
    private readonly struct Normalize(float mean, float factor) : IElementwise<TVector>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public TVector Apply(TVector left, TVector right) =>
            TSimd.Multiply(TSimd.Multiply(TSimd.Subtract(left, TSimd.Broadcast(mean)), TSimd.Broadcast(factor)), right);
    }
}
