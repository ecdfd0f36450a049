using System.Runtime.CompilerServices;
using OrleansLLM.Compute.Cpu.Simd;

namespace OrleansLLM.Compute.Cpu.Panels;

/// <summary>How a float panel keeps a pair of columns.</summary>
internal unsafe interface IFloatPanel
{
    /// <summary>Bytes of 16 outputs' weights of two columns.</summary>
    static abstract int PairBytes { get; }

    static abstract void Write(byte* pair, int lane, float first, float second);

    static abstract TVector First<TSimd, TVector>(byte* pair)
        where TSimd : struct, ISimd<TVector>
        where TVector : struct;

    static abstract TVector Second<TSimd, TVector>(byte* pair)
        where TSimd : struct, ISimd<TVector>
        where TVector : struct;
}

/// <summary><code>| 16 weights of the first column | 16 of the second |</code></summary>
internal readonly unsafe struct Float32Panel : IFloatPanel
{
    public static int PairBytes => 128;

    public static void Write(byte* pair, int lane, float first, float second)
    {
        ((float*)pair)[lane] = first;
        ((float*)pair)[PanelLayout.Outputs + lane] = second;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector First<TSimd, TVector>(byte* pair)
        where TSimd : struct, ISimd<TVector>
        where TVector : struct =>
        TSimd.Load(pair);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Second<TSimd, TVector>(byte* pair)
        where TSimd : struct, ISimd<TVector>
        where TVector : struct =>
        TSimd.Load(pair + 64);
}

/// <summary>A lane holds both columns: the first in its lower half.</summary>
internal readonly unsafe struct BFloat16Panel : IFloatPanel
{
    public static int PairBytes => 64;

    public static void Write(byte* pair, int lane, float first, float second) =>
        ((uint*)pair)[lane] =
            (BitConverter.SingleToUInt32Bits(first) >> 16) | (BitConverter.SingleToUInt32Bits(second) & 0xFFFF0000);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector First<TSimd, TVector>(byte* pair)
        where TSimd : struct, ISimd<TVector>
        where TVector : struct =>
        TSimd.ShiftLeftInt32(TSimd.Load(pair), 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Second<TSimd, TVector>(byte* pair)
        where TSimd : struct, ISimd<TVector>
        where TVector : struct =>
        TSimd.And(TSimd.Load(pair), TSimd.Broadcast(unchecked((int)0xFFFF0000)));
}

/// <summary>As <see cref="BFloat16Panel"/>, in half precision.</summary>
internal readonly unsafe struct Float16Panel : IFloatPanel
{
    public static int PairBytes => 64;

    public static void Write(byte* pair, int lane, float first, float second) =>
        ((uint*)pair)[lane] =
            BitConverter.HalfToUInt16Bits((Half)first) | ((uint)BitConverter.HalfToUInt16Bits((Half)second) << 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector First<TSimd, TVector>(byte* pair)
        where TSimd : struct, ISimd<TVector>
        where TVector : struct =>
        HalfLanes.FromUpper<TSimd, TVector>(TSimd.ShiftLeftInt32(TSimd.Load(pair), 16));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Second<TSimd, TVector>(byte* pair)
        where TSimd : struct, ISimd<TVector>
        where TVector : struct =>
        HalfLanes.FromUpper<TSimd, TVector>(TSimd.Load(pair));
}
