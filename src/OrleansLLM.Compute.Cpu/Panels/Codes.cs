using System.Runtime.CompilerServices;
using OrleansLLM.Compute.Cpu.Simd;

namespace OrleansLLM.Compute.Cpu.Panels;

/// <summary>How a panel keeps the codes of a block of 32 columns.</summary>
internal unsafe interface ICodePlaces
{
    /// <summary>Bytes of 16 outputs' codes, whole vectors of 16 lanes.</summary>
    static abstract int Bytes { get; }

    /// <summary>Puts 32 codes of one output, one a byte, into its lane of a zeroed block.</summary>
    static abstract void Write(byte* codes, byte* to, int lane);
}

/// <summary>
/// Codes that multiply with packed 8-bit inputs. A vector holds two runs of four codes a lane; each run meets a word of the inputs.
/// </summary>
internal unsafe interface ICodes : ICodePlaces
{
    static abstract PackedInputs Inputs { get; }

    /// <summary>Words of a row's block of inputs.</summary>
    static abstract int Words { get; }

    /// <summary>The word of its scale.</summary>
    static abstract int Scale { get; }

    /// <summary>The word of its scale · Σ.</summary>
    static abstract int ScaledSum { get; }

    /// <summary>Words from the inputs of a vector's first run to those of the next vector's.</summary>
    static abstract int Next { get; }

    /// <summary>Words from the inputs of a vector's first run to those of its second.</summary>
    static abstract int Other { get; }

    /// <summary>The first run of a vector.</summary>
    static abstract TVector First<TSimd, TVector>(TVector bits)
        where TSimd : struct, ISimd<TVector>
        where TVector : struct;

    static abstract TVector Second<TSimd, TVector>(TVector bits)
        where TSimd : struct, ISimd<TVector>
        where TVector : struct;

    /// <summary>What a sum of products begins with.</summary>
    static abstract TVector Start<TSimd, TVector>(int* inputs, int rows)
        where TSimd : struct, ISimd<TVector>
        where TVector : struct;

    /// <summary>Adds the products of both runs.</summary>
    static abstract TVector Add<TSimd, TVector>(TVector sum, TVector first, TVector second, int firstInputs, int secondInputs)
        where TSimd : struct, ISimd<TVector>
        where TVector : struct;

    /// <summary>The sum of a block as int32: Σ code · input code, centred as <see cref="Code"/> is.</summary>
    static abstract TVector Integers<TScales, TSimd, TVector>(TVector sum, int* inputs, int rows)
        where TScales : struct, IBlockScales
        where TSimd : struct, ISimd<TVector>
        where TVector : struct;

    /// <summary>A column's codes as numbers; without minimums they are centred at 0.</summary>
    static abstract TVector Code<TScales, TSimd, TVector>(byte* codes, int column)
        where TScales : struct, IBlockScales
        where TSimd : struct, ISimd<TVector>
        where TVector : struct;
}

/// <summary>
/// 8 bits; both factors are widened to int16, so that every sum is exact. A stored byte is code + 128, and the inputs carry -128 Σ.
/// <code>8 vectors of 16 lanes × 4 bytes: columns 4v..; the even columns are the first run, the odd ones the second</code>
/// </summary>
internal readonly unsafe struct ByteCodes : ICodes
{
    public static int Bytes => 512;

    public static PackedInputs Inputs => PackedInputs.Int16;

    public static int Words => Int16Inputs.Words;

    public static int Scale => Int16Inputs.Scale;

    public static int ScaledSum => Int16Inputs.ScaledSum;

    public static int Next => 2;

    public static int Other => 1;

    public static void Write(byte* codes, byte* to, int lane)
    {
        for (var group = 0; group < 8; group++)
        {
            *(uint*)(to + (64 * group) + (4 * lane)) = *(uint*)(codes + (4 * group)) ^ 0x80808080;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector First<TSimd, TVector>(TVector bits)
        where TSimd : struct, ISimd<TVector>
        where TVector : struct =>
        TSimd.And(bits, TSimd.Broadcast(0x00FF00FF));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Second<TSimd, TVector>(TVector bits)
        where TSimd : struct, ISimd<TVector>
        where TVector : struct =>
        TSimd.ShiftRightUInt16(bits, 8);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Start<TSimd, TVector>(int* inputs, int rows)
        where TSimd : struct, ISimd<TVector>
        where TVector : struct =>
        TSimd.Broadcast(inputs[Int16Inputs.Offset * rows]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Add<TSimd, TVector>(TVector sum, TVector first, TVector second, int firstInputs, int secondInputs)
        where TSimd : struct, ISimd<TVector>
        where TVector : struct
    {
        sum = TSimd.AddInt32(sum, TSimd.MultiplyInt16Pairs(first, TSimd.Broadcast(firstInputs)));
        return TSimd.AddInt32(sum, TSimd.MultiplyInt16Pairs(second, TSimd.Broadcast(secondInputs)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Integers<TScales, TSimd, TVector>(TVector sum, int* inputs, int rows)
        where TScales : struct, IBlockScales
        where TSimd : struct, ISimd<TVector>
        where TVector : struct =>
        sum;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Code<TScales, TSimd, TVector>(byte* codes, int column)
        where TScales : struct, IBlockScales
        where TSimd : struct, ISimd<TVector>
        where TVector : struct
    {
        var bits = TSimd.ShiftRightUInt32(TSimd.Load(codes + (column / 4 * 64)), 8 * (column % 4));
        return TSimd.ToSingle(TSimd.AddInt32(TSimd.And(bits, TSimd.Broadcast(0xFF)), TSimd.Broadcast(-128)));
    }
}

/// <summary>
/// 4 bits. Products are added as int16, which is exact: eight groups of 15 · 127 · 2 stay within it. Without minimums a weight is
/// scale · (code - 8), and the inputs carry -8 Σ.
/// <code>4 vectors of 16 lanes × 4 bytes: low nibbles = columns 4v.. (the first run), high nibbles = columns 16 + 4v..</code>
/// </summary>
internal readonly unsafe struct NibbleCodes : ICodes
{
    public static int Bytes => 256;

    public static PackedInputs Inputs => PackedInputs.Int8;

    public static int Words => Int8Inputs.Words;

    public static int Scale => Int8Inputs.Scale;

    public static int ScaledSum => Int8Inputs.ScaledSum;

    public static int Next => 1;

    public static int Other => 4;

    public static void Write(byte* codes, byte* to, int lane)
    {
        for (var group = 0; group < 4; group++)
        {
            *(uint*)(to + (64 * group) + (4 * lane)) = *(uint*)(codes + (4 * group)) | (*(uint*)(codes + 16 + (4 * group)) << 4);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector First<TSimd, TVector>(TVector bits)
        where TSimd : struct, ISimd<TVector>
        where TVector : struct =>
        TSimd.And(bits, TSimd.Broadcast(0x0F0F0F0F));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Second<TSimd, TVector>(TVector bits)
        where TSimd : struct, ISimd<TVector>
        where TVector : struct =>
        TSimd.And(TSimd.ShiftRightUInt16(bits, 4), TSimd.Broadcast(0x0F0F0F0F));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Start<TSimd, TVector>(int* inputs, int rows)
        where TSimd : struct, ISimd<TVector>
        where TVector : struct =>
        TSimd.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Add<TSimd, TVector>(TVector sum, TVector first, TVector second, int firstInputs, int secondInputs)
        where TSimd : struct, ISimd<TVector>
        where TVector : struct
    {
        sum = TSimd.AddInt16(sum, TSimd.MultiplyBytePairs(first, TSimd.Broadcast(firstInputs)));
        return TSimd.AddInt16(sum, TSimd.MultiplyBytePairs(second, TSimd.Broadcast(secondInputs)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Integers<TScales, TSimd, TVector>(TVector sum, int* inputs, int rows)
        where TScales : struct, IBlockScales
        where TSimd : struct, ISimd<TVector>
        where TVector : struct
    {
        var integers = TSimd.SumInt16Pairs(sum);
        return TScales.HasMinimum ? integers : TSimd.AddInt32(integers, TSimd.Broadcast(inputs[Int8Inputs.NibbleOffset * rows]));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Code<TScales, TSimd, TVector>(byte* codes, int column)
        where TScales : struct, IBlockScales
        where TSimd : struct, ISimd<TVector>
        where TVector : struct
    {
        var shift = (8 * (column % 4)) + (column < 16 ? 0 : 4);
        var bits = TSimd.ShiftRightUInt32(TSimd.Load(codes + (column / 4 % 4 * 64)), shift);
        var code = TSimd.ToSingle(TSimd.And(bits, TSimd.Broadcast(15)));
        return TScales.HasMinimum ? code : TSimd.Subtract(code, TSimd.Broadcast(8f));
    }
}

/// <summary>
/// 6 bits, the lower four as <see cref="NibbleCodes"/>.
/// <code>4 vectors of nibbles | 2 vectors of 16 lanes × 4 bytes: bits 2g and 2g + 1 of a byte are the upper bits of group g, then of group 4 + g</code>
/// </summary>
internal readonly unsafe struct SixBitCodes : ICodePlaces
{
    public static int Bytes => 384;

    public static void Write(byte* codes, byte* to, int lane)
    {
        for (var group = 0; group < 4; group++)
        {
            var (first, last) = (*(uint*)(codes + (4 * group)), *(uint*)(codes + 16 + (4 * group)));
            *(uint*)(to + (64 * group) + (4 * lane)) = (first & 0x0F0F0F0F) | ((last & 0x0F0F0F0F) << 4);
            *(uint*)(to + 256 + (4 * lane)) |= ((first & 0x30303030) >> 4) << (2 * group);
            *(uint*)(to + 320 + (4 * lane)) |= ((last & 0x30303030) >> 4) << (2 * group);
        }
    }
}
