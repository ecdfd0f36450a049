using System.Runtime.CompilerServices;
using OrleansLLM.Compute.Cpu.Elementwise;
using OrleansLLM.Compute.Cpu.Simd;

namespace OrleansLLM.Compute.Cpu.Attention;

/// <summary>
/// The softmax of one row inside a chunk of keys, not yet divided by its sum. Sums run in 16 lanes (lane = key modulo 16) that add in
/// order.
/// </summary>
internal static unsafe class SoftMaxKernel<TSimd, TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    private const int SumLanes = 16;

    /// <summary>
    /// Scores [first, end) become e^(score - maximum), all others of the chunk 0. Without any, the maximum is minus infinity.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(float* scores, int first, int end, float scale, float softCap, float* maximum, float* sum)
    {
        var low = Math.Max(0, first) & ~(SumLanes - 1);
        var high = (end + SumLanes - 1) & ~(SumLanes - 1);
        if (first >= end)
        {
            new Span<float>(scores, AttendRooms.ChunkKeys).Clear();
            *maximum = float.NegativeInfinity;
            return;
        }

        Scale(scores + first, end - first, scale, softCap);
        new Span<float>(scores, first).Fill(float.NegativeInfinity);
        new Span<float>(scores + end, AttendRooms.ChunkKeys - end).Fill(float.NegativeInfinity);
        *maximum = Maximum(scores + low, high - low);
        *sum = Exponentials(scores + low, high - low, *maximum);
        new Span<float>(scores, low).Clear();
        new Span<float>(scores + high, AttendRooms.ChunkKeys - high).Clear();
    }

    private static void Scale(float* scores, int count, float scale, float softCap)
    {
        ElementwiseLoop<ScaleFunction<TSimd, TVector>, TSimd, TVector>.Run(new(scale), scores, scores, scores, count);
        if (softCap != 0)
        {
            ElementwiseLoop<SoftCapFunction<TSimd, TVector>, TSimd, TVector>.Run(new(softCap), scores, scores, scores, count);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Maximum(float* scores, int count)
    {
        var lanes = stackalloc float[SumLanes];
        var most = TSimd.Broadcast(float.NegativeInfinity);
        for (var i = 0; i < count; i += TSimd.Lanes)
        {
            most = VectorMath<TSimd, TVector>.Max(TSimd.Load(scores + i), most);
        }

        TSimd.Store(most, lanes);
        var maximum = lanes[0];
        for (var lane = 1; lane < TSimd.Lanes; lane++)
        {
            maximum = lanes[lane] > maximum ? lanes[lane] : maximum;
        }

        return maximum;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Exponentials(float* scores, int count, float maximum)
    {
        var lanes = stackalloc float[SumLanes];
        for (var lane = 0; lane < SumLanes; lane += TSimd.Lanes)
        {
            var sum = TSimd.Zero;
            for (var i = lane; i < count; i += SumLanes)
            {
                var weight = VectorMath<TSimd, TVector>.Exp(TSimd.Subtract(TSimd.Load(scores + i), TSimd.Broadcast(maximum)));
                TSimd.Store(weight, scores + i);
                sum = TSimd.Add(sum, weight);
            }

            TSimd.Store(sum, lanes + lane);
        }

        var total = 0f;
        for (var lane = 0; lane < SumLanes; lane++)
        {
            total += lanes[lane];
        }

        return total;
    }
}
