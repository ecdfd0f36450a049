using System.Runtime.CompilerServices;
using OrleansLLM.Compute.Cpu.Simd;

namespace OrleansLLM.Compute.Cpu.Panels;

/// <summary>Where a panel keeps what its codes are multiplied by: at the front of every super-block, one entry a lane.</summary>
internal interface IScalePlaces
{
    /// <summary>Blocks of 32 columns that share a super-block.</summary>
    static abstract int Blocks { get; }

    /// <summary>Bytes in front of a super-block's codes.</summary>
    static abstract int Bytes { get; }
}

/// <summary>A weight is scale · code + minimum.</summary>
internal unsafe interface IBlockScales : IScalePlaces
{
    static abstract bool HasMinimum { get; }

    static abstract TVector Scale<TSimd, TVector>(byte* superBlock, int block, int lane)
        where TSimd : struct, ISimd<TVector>
        where TVector : struct;

    static abstract TVector Minimum<TSimd, TVector>(byte* superBlock, int block, int lane)
        where TSimd : struct, ISimd<TVector>
        where TVector : struct;
}

/// <summary>Half-precision scales: <code>| 16 scales |</code></summary>
internal readonly unsafe struct HalfScales : IBlockScales
{
    public static int Blocks => 1;

    public static int Bytes => 32;

    public static bool HasMinimum => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Scale<TSimd, TVector>(byte* superBlock, int block, int lane)
        where TSimd : struct, ISimd<TVector>
        where TVector : struct =>
        HalfLanes.Load<TSimd, TVector>(superBlock + (2 * lane));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Minimum<TSimd, TVector>(byte* superBlock, int block, int lane)
        where TSimd : struct, ISimd<TVector>
        where TVector : struct =>
        TSimd.Broadcast(-0f);
}

/// <summary>Half-precision scales and minimums: <code>| 16 scales | 16 minimums |</code></summary>
internal readonly unsafe struct HalfScalesAndMinimums : IBlockScales
{
    public static int Blocks => 1;

    public static int Bytes => 64;

    public static bool HasMinimum => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Scale<TSimd, TVector>(byte* superBlock, int block, int lane)
        where TSimd : struct, ISimd<TVector>
        where TVector : struct =>
        HalfLanes.Load<TSimd, TVector>(superBlock + (2 * lane));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Minimum<TSimd, TVector>(byte* superBlock, int block, int lane)
        where TSimd : struct, ISimd<TVector>
        where TVector : struct =>
        HalfLanes.Load<TSimd, TVector>(superBlock + 32 + (2 * lane));
}

/// <summary>
/// K formats: scale = d · 6-bit scale, minimum = -dmin · 6-bit minimum.
/// <code>| 16 d | 16 dmin | 8 blocks × 16 scales | 8 blocks × 16 minimums |</code>
/// </summary>
internal readonly unsafe struct SuperBlockScales : IBlockScales
{
    public static int Blocks => 8;

    public static int Bytes => 320;

    public static bool HasMinimum => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Scale<TSimd, TVector>(byte* superBlock, int block, int lane)
        where TSimd : struct, ISimd<TVector>
        where TVector : struct =>
        TSimd.Multiply(
            HalfLanes.Load<TSimd, TVector>(superBlock + (2 * lane)),
            TSimd.ToSingle(TSimd.LoadBytes(superBlock + 64 + (16 * block) + lane)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Minimum<TSimd, TVector>(byte* superBlock, int block, int lane)
        where TSimd : struct, ISimd<TVector>
        where TVector : struct =>
        TSimd.Xor(
            TSimd.Broadcast(-0f),
            TSimd.Multiply(
                HalfLanes.Load<TSimd, TVector>(superBlock + 32 + (2 * lane)),
                TSimd.ToSingle(TSimd.LoadBytes(superBlock + 192 + (16 * block) + lane))));
}

/// <summary>Q6_K: a scale for each half of a block. <code>| 16 d | 16 half blocks × 16 scales |</code></summary>
internal readonly struct SixBitScales : IScalePlaces
{
    public static int Blocks => 8;

    public static int Bytes => 32 + 256;
}

/// <summary>
/// Half precision without a conversion instruction: the bits move to float32's places and a multiplication by 2^112 makes up for the
/// difference of the exponents' biases. Exact for all finite numbers.
/// </summary>
internal static unsafe class HalfLanes
{
    private const int Bits = unchecked((int)0x8FFFE000);
    private const float BiasDifference = 5.192296858534828e33f;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Load<TSimd, TVector>(byte* halves)
        where TSimd : struct, ISimd<TVector>
        where TVector : struct =>
        FromUpper<TSimd, TVector>(TSimd.ShiftLeftInt32(TSimd.LoadUInt16(halves), 16));

    /// <summary>Converts the upper 16 bits of each lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector FromUpper<TSimd, TVector>(TVector lanes)
        where TSimd : struct, ISimd<TVector>
        where TVector : struct =>
        TSimd.Multiply(TSimd.And(TSimd.ShiftRightInt32(lanes, 3), TSimd.Broadcast(Bits)), TSimd.Broadcast(BiasDifference));
}
