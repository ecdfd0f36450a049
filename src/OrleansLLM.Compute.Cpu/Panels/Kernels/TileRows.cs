using System.Runtime.CompilerServices;
using OrleansLLM.Compute.Cpu.Simd;

namespace OrleansLLM.Compute.Cpu.Panels.Kernels;

/// <summary>Sums of a tile's rows between registers and memory.</summary>
internal static unsafe class TileRows<TSimd, TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    /// <summary>Writes four rows, <paramref name="stride"/> numbers apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(TVector first, TVector second, TVector third, TVector fourth, float* to, int stride = PanelLayout.Outputs)
    {
        TSimd.Store(first, to);
        TSimd.Store(second, to + stride);
        TSimd.Store(third, to + (2 * stride));
        TSimd.Store(fourth, to + (3 * stride));
    }
}
