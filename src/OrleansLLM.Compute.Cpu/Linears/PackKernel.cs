using System.Runtime.CompilerServices;
using OrleansLLM.Compute.Cpu.Panels;
using OrleansLLM.Compute.Cpu.Simd;

namespace OrleansLLM.Compute.Cpu.Linears;

/// <summary>Packs one row into its place in a tile (<see cref="PackedInputs"/>). A block that holds NaN or infinity has NaN as its scale.</summary>
internal static unsafe class PackKernel<TSimd, TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    private const float RoundingShift = 12582912f;

    /// <summary>Below this a block counts as zeros: the largest code / a would overflow.</summary>
    private const float SmallestMaximum = 1e-30f;

    public static long TileBytes(PackedInputs kind, int columns, int rows) => kind switch
    {
        PackedInputs.Float32 => ((columns + 1L) & ~1L) * rows * sizeof(float),
        PackedInputs.Int8 => Int8Inputs.TileWords(columns / 32L, rows) * sizeof(int),
        _ => columns / 32L * Int16Inputs.Words * rows * sizeof(int),
    };

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(PackedInputs kind, float* x, int columns, byte* tile, int row, int rows)
    {
        switch (kind)
        {
            case PackedInputs.Float32:
                PackFloats(x, columns, (float*)tile + row, rows);
                break;
            case PackedInputs.Int8:
                PackInt8(x, columns, (int*)tile, row, rows);
                break;
            default:
                PackInt16(x, columns, (int*)tile + row, rows);
                break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void PackFloats(float* x, int columns, float* to, int rows)
    {
        for (var column = 0; column < columns; column++)
        {
            to[(long)column * rows] = x[column];
        }

        if (columns % 2 != 0)
        {
            to[(long)columns * rows] = 0;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void PackInt8(float* x, int columns, int* tile, int row, int rows)
    {
        var (blocks, blockWords) = (columns / 32, Int8Inputs.Words * rows);
        var outliers = tile + (blocks * blockWords) + (row * Int8Inputs.OutlierWords(blocks));
        outliers[0] = 0;
        var maxima = (float*)tile + (Int8Inputs.Scale * rows) + row;
        var squares = 0f;
        for (var block = 0; block < blocks; block++)
        {
            var maximum = Maximum(x + (32 * block));
            maxima[block * blockWords] = maximum;
            squares += maximum * maximum;
        }

        var limit = Int8Inputs.OutlierSquare * squares / blocks;
        var rest = stackalloc float[32];
        for (var block = 0; block < blocks; block++)
        {
            var from = x + (32 * block);
            var maximum = maxima[block * blockWords];
            if (maximum * maximum > limit)
            {
                TakeOutliers(from, 32 * block, limit, outliers, rest);
                from = rest;
                maximum = Maximum(rest);
            }

            PackInt8Block(from, maximum, tile + (block * blockWords) + row, rows);
        }
    }

    private static void TakeOutliers(float* x, int column, float limit, int* outliers, float* rest)
    {
        for (var i = 0; i < 32; i++)
        {
            rest[i] = x[i];
            if (x[i] * x[i] > limit)
            {
                var place = outliers + 1 + (2 * outliers[0]++);
                (place[0], ((float*)place)[1]) = (column + i, x[i]);
                rest[i] = 0;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void PackInt8Block(float* x, float maximum, int* to, int rows)
    {
        var codes = stackalloc int[32];
        var scale = Quantize(x, maximum, codes, sbyte.MaxValue);
        var (first, last) = (0, 0);
        for (var group = 0; group < 8; group++)
        {
            var c = codes + (4 * group);
            to[group * rows] = (c[0] & 0xFF) | ((c[1] & 0xFF) << 8) | ((c[2] & 0xFF) << 16) | (c[3] << 24);
            var sum = c[0] + c[1] + c[2] + c[3];
            first += group < 4 ? sum : 0;
            last += group < 4 ? 0 : sum;
        }

        ((float*)to)[Int8Inputs.Scale * rows] = scale;
        ((float*)to)[Int8Inputs.ScaledSum * rows] = scale * (first + last);
        to[Int8Inputs.NibbleOffset * rows] = -8 * (first + last);
        to[Int8Inputs.SixBitOffset * rows] = -32 * first;
        to[(Int8Inputs.SixBitOffset + 1) * rows] = -32 * last;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void PackInt16(float* x, int columns, int* to, int rows)
    {
        var codes = stackalloc int[32];
        for (var block = 0; block < columns / 32; block++, x += 32, to += Int16Inputs.Words * rows)
        {
            var scale = Quantize(x, Maximum(x), codes, short.MaxValue);
            var total = 0;
            for (var group = 0; group < 8; group++)
            {
                var c = codes + (4 * group);
                to[2 * group * rows] = (c[0] & 0xFFFF) | (c[2] << 16);
                to[((2 * group) + 1) * rows] = (c[1] & 0xFFFF) | (c[3] << 16);
                total += c[0] + c[1] + c[2] + c[3];
            }

            ((float*)to)[Int16Inputs.Scale * rows] = scale;
            ((float*)to)[Int16Inputs.ScaledSum * rows] = scale * total;
            to[Int16Inputs.Offset * rows] = -128 * total;
        }
    }

    /// <summary>32 codes, x · (largest / a) rounded once to the nearest integer, ties to even; returns the scale a / largest.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Quantize(float* x, float a, int* codes, float largest)
    {
        var factor = a > SmallestMaximum ? largest / a : 0;
        for (var i = 0; i < 32; i += TSimd.Lanes)
        {
            var shifted = TSimd.Fma(TSimd.Load(x + i), TSimd.Broadcast(factor), TSimd.Broadcast(RoundingShift));
            TSimd.Store(TSimd.AddInt32(shifted, TSimd.Broadcast(-0x4B400000)), codes + i);
        }

        return a > SmallestMaximum ? a / largest : a - a;
    }

    /// <summary>The largest magnitude of a block; NaN where one is NaN or infinite.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Maximum(float* x)
    {
        var lanes = stackalloc float[TSimd.Lanes];
        var (maximum, zeros) = (TSimd.Zero, TSimd.Zero);
        for (var i = 0; i < 32; i += TSimd.Lanes)
        {
            var magnitude = TSimd.And(TSimd.Load(x + i), TSimd.Broadcast(0x7FFFFFFF));
            maximum = TSimd.Select(TSimd.Greater(magnitude, maximum), magnitude, maximum);
            zeros = TSimd.Fma(magnitude, TSimd.Zero, zeros);
        }

        TSimd.Store(TSimd.Add(maximum, zeros), lanes);
        var a = lanes[0];
        for (var i = 1; i < TSimd.Lanes; i++)
        {
            a = lanes[i] <= a || float.IsNaN(a) ? a : lanes[i];
        }

        return a;
    }
}
