using System.Runtime.CompilerServices;
using OrleansLLM.Compute.Cpu.Simd;

namespace OrleansLLM.Compute.Cpu.Panels.Kernels;

/// <summary>
/// Multiplies 8-bit panels with 8-bit inputs, both widened to int16 so that every sum is exact. For each block of 32 columns, in order:
/// sum = fma(float(Σ weight code · input code), weight scale · input scale, sum), then, for formats with minimums,
/// sum = fma(minimum, input scale · Σ input codes, sum). Stored bytes are code + 128; the inputs carry -128 Σ.
/// <code>
/// block: | scales | 8 vectors of 16 lanes × 4 bytes: columns 4v.. |
/// </code>
/// </summary>
internal static unsafe class ByteKernel<TScales, TSimd, TVector>
    where TScales : struct, IBlockScales
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    private const int CodeBytes = 512;

    private static int SuperBytes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TScales.Bytes + (TScales.Blocks * CodeBytes);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply(byte* panel, byte* inputs, int columns, int rows, float* sums)
    {
        var blocks = columns / 32;
        new Span<float>(sums, rows * PanelLayout.Outputs).Clear();
        var step = rows == 1 ? 4 : blocks;
        for (var first = 0; first < blocks; first += step)
        {
            var end = Math.Min(first + step, blocks);
            for (var lane = 0; lane < PanelLayout.Outputs; lane += TSimd.Lanes)
            {
                switch (rows)
                {
                    case 1:
                        Tile1(panel, (int*)inputs, first, end, lane, sums + lane);
                        break;
                    case 4:
                        Tile4(panel, (int*)inputs, first, end, lane, sums + lane);
                        break;
                    default:
                        Tile8(panel, (int*)inputs, first, end, lane, sums + lane);
                        break;
                }
            }
        }
    }

    /// <summary>Exact weights: fma(scale, code, minimum).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Decode(byte* panel, int firstColumn, int columns, float* to)
    {
        for (var block = firstColumn / 32; block < (firstColumn + columns) / 32; block++, to += 32 * PanelLayout.Outputs)
        {
            var superBlock = panel + ((long)(block / TScales.Blocks) * SuperBytes);
            var codes = superBlock + TScales.Bytes + (block % TScales.Blocks * CodeBytes);
            for (var lane = 0; lane < PanelLayout.Outputs; lane += TSimd.Lanes)
            {
                var scale = TScales.Scale<TSimd, TVector>(superBlock, block % TScales.Blocks, lane);
                var minimum = TScales.Minimum<TSimd, TVector>(superBlock, block % TScales.Blocks, lane);
                for (var column = 0; column < 32; column++)
                {
                    var bits = TSimd.Load(codes + (column / 4 * 64) + (4 * lane));
                    var code = TSimd.And(TSimd.ShiftRightUInt32(bits, 8 * (column % 4)), TSimd.Broadcast(0xFF));
                    code = TSimd.ToSingle(TSimd.AddInt32(code, TSimd.Broadcast(-128)));
                    TSimd.Store(TSimd.Fma(scale, code, minimum), to + (column * PanelLayout.Outputs) + lane);
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile1(byte* panel, int* inputs, int block, int end, int lane, float* sums)
    {
        var f0 = TSimd.Load(sums);
        for (inputs += block * Int16Inputs.Words * 1; block < end; block++, inputs += Int16Inputs.Words * 1)
        {
            var superBlock = panel + ((long)(block / TScales.Blocks) * SuperBytes);
            var codes = superBlock + TScales.Bytes + (block % TScales.Blocks * CodeBytes) + (4 * lane);
            var a0 = TSimd.Broadcast(inputs[Int16Inputs.Offset]);
            for (var x = inputs; x < inputs + 16; x += 2, codes += 64)
            {
                var bits = TSimd.Load(codes);
                var even = TSimd.And(bits, TSimd.Broadcast(0x00FF00FF));
                var odd = TSimd.ShiftRightUInt16(bits, 8);
                a0 = Add(a0, even, odd, x[0], x[1]);
            }

            var scale = TScales.Scale<TSimd, TVector>(superBlock, block % TScales.Blocks, lane);
            var minimum = TScales.Minimum<TSimd, TVector>(superBlock, block % TScales.Blocks, lane);
            f0 = Finish(f0, a0, scale, minimum, inputs + 0, 1);
        }

        TSimd.Store(f0, sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile4(byte* panel, int* inputs, int block, int end, int lane, float* sums)
    {
        var (f0, f1, f2, f3) = (TSimd.Load(sums), TSimd.Load(sums + 16), TSimd.Load(sums + 32), TSimd.Load(sums + 48));
        for (inputs += block * Int16Inputs.Words * 4; block < end; block++, inputs += Int16Inputs.Words * 4)
        {
            var superBlock = panel + ((long)(block / TScales.Blocks) * SuperBytes);
            var codes = superBlock + TScales.Bytes + (block % TScales.Blocks * CodeBytes) + (4 * lane);
            var (a0, a1, a2, a3) = (
                TSimd.Broadcast(inputs[(Int16Inputs.Offset * 4) + 0]), TSimd.Broadcast(inputs[(Int16Inputs.Offset * 4) + 1]),
                TSimd.Broadcast(inputs[(Int16Inputs.Offset * 4) + 2]), TSimd.Broadcast(inputs[(Int16Inputs.Offset * 4) + 3]));
            for (var x = inputs; x < inputs + 64; x += 8, codes += 64)
            {
                var bits = TSimd.Load(codes);
                var even = TSimd.And(bits, TSimd.Broadcast(0x00FF00FF));
                var odd = TSimd.ShiftRightUInt16(bits, 8);
                (a0, a1) = (Add(a0, even, odd, x[0], x[4]), Add(a1, even, odd, x[1], x[5]));
                (a2, a3) = (Add(a2, even, odd, x[2], x[6]), Add(a3, even, odd, x[3], x[7]));
            }

            var scale = TScales.Scale<TSimd, TVector>(superBlock, block % TScales.Blocks, lane);
            var minimum = TScales.Minimum<TSimd, TVector>(superBlock, block % TScales.Blocks, lane);
            (f0, f1) = (Finish(f0, a0, scale, minimum, inputs + 0, 4), Finish(f1, a1, scale, minimum, inputs + 1, 4));
            (f2, f3) = (Finish(f2, a2, scale, minimum, inputs + 2, 4), Finish(f3, a3, scale, minimum, inputs + 3, 4));
        }

        Store(f0, f1, f2, f3, sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile8(byte* panel, int* inputs, int block, int end, int lane, float* sums)
    {
        var (f0, f1, f2, f3) = (TSimd.Load(sums), TSimd.Load(sums + 16), TSimd.Load(sums + 32), TSimd.Load(sums + 48));
        var (f4, f5, f6, f7) = (TSimd.Load(sums + 64), TSimd.Load(sums + 80), TSimd.Load(sums + 96), TSimd.Load(sums + 112));
        for (inputs += block * Int16Inputs.Words * 8; block < end; block++, inputs += Int16Inputs.Words * 8)
        {
            var superBlock = panel + ((long)(block / TScales.Blocks) * SuperBytes);
            var codes = superBlock + TScales.Bytes + (block % TScales.Blocks * CodeBytes) + (4 * lane);
            var (a0, a1, a2, a3) = (
                TSimd.Broadcast(inputs[(Int16Inputs.Offset * 8) + 0]), TSimd.Broadcast(inputs[(Int16Inputs.Offset * 8) + 1]),
                TSimd.Broadcast(inputs[(Int16Inputs.Offset * 8) + 2]), TSimd.Broadcast(inputs[(Int16Inputs.Offset * 8) + 3]));
            var (a4, a5, a6, a7) = (
                TSimd.Broadcast(inputs[(Int16Inputs.Offset * 8) + 4]), TSimd.Broadcast(inputs[(Int16Inputs.Offset * 8) + 5]),
                TSimd.Broadcast(inputs[(Int16Inputs.Offset * 8) + 6]), TSimd.Broadcast(inputs[(Int16Inputs.Offset * 8) + 7]));
            for (var x = inputs; x < inputs + 128; x += 16, codes += 64)
            {
                var bits = TSimd.Load(codes);
                var even = TSimd.And(bits, TSimd.Broadcast(0x00FF00FF));
                var odd = TSimd.ShiftRightUInt16(bits, 8);
                (a0, a1) = (Add(a0, even, odd, x[0], x[8]), Add(a1, even, odd, x[1], x[9]));
                (a2, a3) = (Add(a2, even, odd, x[2], x[10]), Add(a3, even, odd, x[3], x[11]));
                (a4, a5) = (Add(a4, even, odd, x[4], x[12]), Add(a5, even, odd, x[5], x[13]));
                (a6, a7) = (Add(a6, even, odd, x[6], x[14]), Add(a7, even, odd, x[7], x[15]));
            }

            var scale = TScales.Scale<TSimd, TVector>(superBlock, block % TScales.Blocks, lane);
            var minimum = TScales.Minimum<TSimd, TVector>(superBlock, block % TScales.Blocks, lane);
            (f0, f1) = (Finish(f0, a0, scale, minimum, inputs + 0, 8), Finish(f1, a1, scale, minimum, inputs + 1, 8));
            (f2, f3) = (Finish(f2, a2, scale, minimum, inputs + 2, 8), Finish(f3, a3, scale, minimum, inputs + 3, 8));
            (f4, f5) = (Finish(f4, a4, scale, minimum, inputs + 4, 8), Finish(f5, a5, scale, minimum, inputs + 5, 8));
            (f6, f7) = (Finish(f6, a6, scale, minimum, inputs + 6, 8), Finish(f7, a7, scale, minimum, inputs + 7, 8));
        }

        Store(f0, f1, f2, f3, sums);
        Store(f4, f5, f6, f7, sums + 64);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Add(TVector sum, TVector even, TVector odd, int evenInputs, int oddInputs)
    {
        sum = TSimd.AddInt32(sum, TSimd.MultiplyInt16Pairs(even, TSimd.Broadcast(evenInputs)));
        return TSimd.AddInt32(sum, TSimd.MultiplyInt16Pairs(odd, TSimd.Broadcast(oddInputs)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Finish(TVector sum, TVector integers, TVector scale, TVector minimum, int* inputs, int rows)
    {
        var inputScale = TSimd.Broadcast(((float*)inputs)[Int16Inputs.Scale * rows]);
        sum = TSimd.Fma(TSimd.ToSingle(integers), TSimd.Multiply(scale, inputScale), sum);
        return TScales.HasMinimum
            ? TSimd.Fma(minimum, TSimd.Broadcast(((float*)inputs)[Int16Inputs.ScaledSum * rows]), sum)
            : sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(TVector first, TVector second, TVector third, TVector fourth, float* to)
    {
        TSimd.Store(first, to);
        TSimd.Store(second, to + PanelLayout.Outputs);
        TSimd.Store(third, to + (2 * PanelLayout.Outputs));
        TSimd.Store(fourth, to + (3 * PanelLayout.Outputs));
    }
}
