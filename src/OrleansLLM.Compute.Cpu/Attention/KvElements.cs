using System.Runtime.CompilerServices;
using OrleansLLM.Compute.Cpu.Panels;
using OrleansLLM.Compute.Cpu.Panels.Kernels;
using OrleansLLM.Compute.Cpu.Simd;

namespace OrleansLLM.Compute.Cpu.Attention;

/// <summary>The type of a cache's numbers.</summary>
internal unsafe interface IKvElement
{
    static abstract int Bytes { get; }

    static abstract void Write(byte* to, float value);

    static abstract float Read(byte* from);

    static abstract TVector Load<TSimd, TVector>(byte* from)
        where TSimd : struct, ISimd<TVector>
        where TVector : struct;

    /// <summary>Scores [rows][16] of a panel of 16 keys with packed queries [width][rows].</summary>
    static abstract void Score<TSimd, TVector>(byte* keys, float* queries, int width, int rows, float* scores)
        where TSimd : struct, ISimd<TVector>
        where TVector : struct;
}

internal readonly unsafe struct Float32Element : IKvElement
{
    public static int Bytes => 4;

    public static void Write(byte* to, float value) => *(float*)to = value;

    public static float Read(byte* from) => *(float*)from;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Load<TSimd, TVector>(byte* from)
        where TSimd : struct, ISimd<TVector>
        where TVector : struct =>
        TSimd.Load(from);

    public static void Score<TSimd, TVector>(byte* keys, float* queries, int width, int rows, float* scores)
        where TSimd : struct, ISimd<TVector>
        where TVector : struct =>
        FloatKernel<Float32Panel, TSimd, TVector>.Multiply(keys, (byte*)queries, width, rows, scores);
}

/// <summary>Rounded to the nearest, ties to even; a NaN stays one.</summary>
internal readonly unsafe struct BFloat16Element : IKvElement
{
    public static int Bytes => 2;

    public static void Write(byte* to, float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        *(ushort*)to = float.IsNaN(value) ? (ushort)((bits >> 16) | 0x40) : (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }

    public static float Read(byte* from) => BitConverter.UInt32BitsToSingle((uint)*(ushort*)from << 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Load<TSimd, TVector>(byte* from)
        where TSimd : struct, ISimd<TVector>
        where TVector : struct =>
        TSimd.ShiftLeftInt32(TSimd.LoadUInt16(from), 16);

    public static void Score<TSimd, TVector>(byte* keys, float* queries, int width, int rows, float* scores)
        where TSimd : struct, ISimd<TVector>
        where TVector : struct =>
        FloatKernel<BFloat16Panel, TSimd, TVector>.Multiply(keys, (byte*)queries, width, rows, scores);
}

/// <summary>Where the numbers of a slot lie in a block's part of one head.</summary>
internal static unsafe class KeyPlaces<TElement>
    where TElement : struct, IKvElement
{
    /// <summary>Writes a key of <paramref name="width"/> numbers into <paramref name="slot"/>.</summary>
    public static void Write(byte* keys, bool inPanels, int slot, float* key, int width)
    {
        for (var i = 0; i < width; i++)
        {
            TElement.Write(keys + Offset(inPanels, slot, i, width), key[i]);
        }
    }

    /// <summary>Bytes from the head's first to number <paramref name="i"/> of a slot's key.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Offset(bool inPanels, int slot, int i, int width)
    {
        if (!inPanels)
        {
            return ((slot * width) + i) * TElement.Bytes;
        }

        var (panel, lane) = (slot / CpuKvCache.PanelSlots, slot % CpuKvCache.PanelSlots);
        var number = TElement.Bytes == 4
            ? (i * CpuKvCache.PanelSlots) + lane
            : (i / 2 * 2 * CpuKvCache.PanelSlots) + (lane * 2) + (i % 2);
        return ((panel * CpuKvCache.PanelSlots * width) + number) * TElement.Bytes;
    }
}
