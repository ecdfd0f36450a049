using System.Runtime.CompilerServices;
using OrleansLLM.Compute.Cpu.Elementwise;
using OrleansLLM.Compute.Cpu.Simd;

namespace OrleansLLM.Compute.Cpu.Attention;

/// <summary>Keys of a chunk, from its first: what a tile computes, and what a row of it sees.</summary>
internal readonly record struct ChunkKeys(int TileFirst, int TileEnd, int First, int End);

/// <summary>
/// The softmax of one row inside a chunk of keys, not yet divided by its sum. Sums run in 16 lanes (lane = key modulo 16) that add in
/// order. A row's scores stand in panels of 16, <c>stride</c> numbers apart.
/// </summary>
internal static unsafe class SoftMaxKernel<TSimd, TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    private const int Panel = CpuKvCache.PanelSlots;

    /// <summary>
    /// Seen scores become e^(score - maximum), all others of the tile 0. Without any, the maximum is minus infinity and the sum 0; where one is
    /// NaN, so is the sum.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static (float Maximum, float Sum) Run(float* scores, int stride, ChunkKeys keys, float scale, float softCap)
    {
        var (low, high) = (keys.First / Panel, (keys.End + Panel - 1) / Panel);
        var (tileLow, tileHigh) = (keys.TileFirst / Panel, (keys.TileEnd + Panel - 1) / Panel);
        if (keys.First >= keys.End)
        {
            Clear(scores, stride, tileLow, tileHigh);
            return (float.NegativeInfinity, 0);
        }

        Clear(scores, stride, tileLow, low);
        Clear(scores, stride, high, tileHigh);
        Scale(scores + (low * stride), stride, high - low, scale, softCap);
        Mask(scores + (low * stride), 0, keys.First % Panel);
        Mask(scores + ((high - 1) * stride), keys.End - ((high - 1) * Panel), Panel);
        var maximum = Maximum(scores + (low * stride), stride, high - low);
        return (maximum, Exponentials(scores + (low * stride), stride, high - low, maximum));
    }

    private static void Clear(float* scores, int stride, int panel, int end)
    {
        for (; panel < end; panel++)
        {
            new Span<float>(scores + (panel * stride), Panel).Clear();
        }
    }

    private static void Mask(float* panel, int first, int end)
    {
        for (var lane = first; lane < end; lane++)
        {
            panel[lane] = float.NegativeInfinity;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Scale(float* scores, int stride, int panels, float scale, float softCap)
    {
        for (; panels > 0; panels--, scores += stride)
        {
            for (var lane = 0; lane < Panel; lane += TSimd.Lanes)
            {
                var score = TSimd.Multiply(TSimd.Load(scores + lane), TSimd.Broadcast(scale));
                TSimd.Store(softCap == 0 ? score : VectorMath<TSimd, TVector>.SoftCap(score, softCap), scores + lane);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Maximum(float* scores, int stride, int panels)
    {
        var lanes = stackalloc float[Panel];
        var most = TSimd.Broadcast(float.NegativeInfinity);
        for (; panels > 0; panels--, scores += stride)
        {
            for (var lane = 0; lane < Panel; lane += TSimd.Lanes)
            {
                most = VectorMath<TSimd, TVector>.Max(TSimd.Load(scores + lane), most);
            }
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
    private static float Exponentials(float* scores, int stride, int panels, float maximum)
    {
        var lanes = stackalloc float[Panel];
        for (var lane = 0; lane < Panel; lane += TSimd.Lanes)
        {
            var sum = TSimd.Zero;
            var from = scores + lane;
            for (var panel = 0; panel < panels; panel++, from += stride)
            {
                var weight = VectorMath<TSimd, TVector>.Exp(TSimd.Subtract(TSimd.Load(from), TSimd.Broadcast(maximum)));
                TSimd.Store(weight, from);
                sum = TSimd.Add(sum, weight);
            }

            TSimd.Store(sum, lanes + lane);
        }

        var total = 0f;
        for (var lane = 0; lane < Panel; lane++)
        {
            total += lanes[lane];
        }

        return total;
    }
}
