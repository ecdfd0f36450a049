using System.Runtime.CompilerServices;
using OrleansLLM.Compute.Cpu.Simd;

namespace OrleansLLM.Compute.Cpu.Panels.Kernels;

/// <summary>
/// Multiplies Q6_K panels with 8-bit inputs. For each half block of 16 columns, in order: sum = fma(float(Σ (code - 32) · input code),
/// (d · scale) · input scale, sum). Two groups of 63 · 127 · 2 stay within int16.
/// <code>
/// super-block of 256 columns: | 16 d | 16 half blocks × 16 scales | 8 blocks |
/// block: | 4 vectors of 16 lanes × 4 nibbles pairs, as 4-bit panels | 2 vectors of 2-bit fields: groups 0 to 3, groups 4 to 7 |
/// </code>
/// </summary>
internal readonly unsafe struct SixBitTiles<TSimd, TVector> : IBlockTiles
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    public static PackedInputs Inputs => PackedInputs.Int8;

    /// <summary>(d · scale) · (code - 32).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Decode(byte* panel, int firstColumn, int columns, float* to)
    {
        for (var block = firstColumn / 32; block < (firstColumn + columns) / 32; block++, to += 32 * PanelLayout.Outputs)
        {
            for (var lane = 0; lane < PanelLayout.Outputs; lane += TSimd.Lanes)
            {
                for (var column = 0; column < 32; column++)
                {
                    var weight = Weight(panel, block, column, lane);
                    TSimd.Store(weight, to + (column * PanelLayout.Outputs) + lane);
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AddColumn(byte* panel, int column, float number, float* sums)
    {
        for (var lane = 0; lane < PanelLayout.Outputs; lane += TSimd.Lanes)
        {
            var weight = Weight(panel, column / 32, column % 32, lane);
            TSimd.Store(TSimd.Fma(weight, TSimd.Broadcast(number), TSimd.Load(sums + lane)), sums + lane);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Tile1(byte* panel, int* inputs, int block, int end, int lane, float* sums)
    {
        var f0 = TSimd.Load(sums);
        for (inputs += block * Int8Inputs.Words * 1; block < end; block++, inputs += Int8Inputs.Words * 1)
        {
            var codes = Codes(panel, block) + (4 * lane);
            for (var half = 0; half < 2; half++)
            {
                var x = inputs + (half * 4);
                var offsets = inputs + ((Int8Inputs.SixBitOffset + half) * 1);
                var (g0, g1) = (Weights(codes, half, 0), Weights(codes, half, 1));
                var (g2, g3) = (Weights(codes, half, 2), Weights(codes, half, 3));
                var scale = Scale(panel, block, half, lane);
                f0 = Finish(f0, Sum(g0, g1, g2, g3, x + 0, 1), offsets[0], scale, inputs[(Int8Inputs.Scale * 1) + 0]);
            }
        }

        TSimd.Store(f0, sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Tile4(byte* panel, int* inputs, int block, int end, int lane, float* sums)
    {
        var (f0, f1, f2, f3) = (TSimd.Load(sums), TSimd.Load(sums + 16), TSimd.Load(sums + 32), TSimd.Load(sums + 48));
        for (inputs += block * Int8Inputs.Words * 4; block < end; block++, inputs += Int8Inputs.Words * 4)
        {
            var codes = Codes(panel, block) + (4 * lane);
            for (var half = 0; half < 2; half++)
            {
                var x = inputs + (half * 16);
                var offsets = inputs + ((Int8Inputs.SixBitOffset + half) * 4);
                var (g0, g1) = (Weights(codes, half, 0), Weights(codes, half, 1));
                var (g2, g3) = (Weights(codes, half, 2), Weights(codes, half, 3));
                var scale = Scale(panel, block, half, lane);
                (f0, f1) = (
                    Finish(f0, Sum(g0, g1, g2, g3, x + 0, 4), offsets[0], scale, inputs[(Int8Inputs.Scale * 4) + 0]),
                    Finish(f1, Sum(g0, g1, g2, g3, x + 1, 4), offsets[1], scale, inputs[(Int8Inputs.Scale * 4) + 1]));
                (f2, f3) = (
                    Finish(f2, Sum(g0, g1, g2, g3, x + 2, 4), offsets[2], scale, inputs[(Int8Inputs.Scale * 4) + 2]),
                    Finish(f3, Sum(g0, g1, g2, g3, x + 3, 4), offsets[3], scale, inputs[(Int8Inputs.Scale * 4) + 3]));
            }
        }

        TileRows<TSimd, TVector>.Store(f0, f1, f2, f3, sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Tile8(byte* panel, int* inputs, int block, int end, int lane, float* sums)
    {
        var (f0, f1, f2, f3) = (TSimd.Load(sums), TSimd.Load(sums + 16), TSimd.Load(sums + 32), TSimd.Load(sums + 48));
        var (f4, f5, f6, f7) = (TSimd.Load(sums + 64), TSimd.Load(sums + 80), TSimd.Load(sums + 96), TSimd.Load(sums + 112));
        for (inputs += block * Int8Inputs.Words * 8; block < end; block++, inputs += Int8Inputs.Words * 8)
        {
            var codes = Codes(panel, block) + (4 * lane);
            for (var half = 0; half < 2; half++)
            {
                var x = inputs + (half * 32);
                var offsets = inputs + ((Int8Inputs.SixBitOffset + half) * 8);
                var (g0, g1) = (Weights(codes, half, 0), Weights(codes, half, 1));
                var (g2, g3) = (Weights(codes, half, 2), Weights(codes, half, 3));
                var scale = Scale(panel, block, half, lane);
                (f0, f1) = (
                    Finish(f0, Sum(g0, g1, g2, g3, x + 0, 8), offsets[0], scale, inputs[(Int8Inputs.Scale * 8) + 0]),
                    Finish(f1, Sum(g0, g1, g2, g3, x + 1, 8), offsets[1], scale, inputs[(Int8Inputs.Scale * 8) + 1]));
                (f2, f3) = (
                    Finish(f2, Sum(g0, g1, g2, g3, x + 2, 8), offsets[2], scale, inputs[(Int8Inputs.Scale * 8) + 2]),
                    Finish(f3, Sum(g0, g1, g2, g3, x + 3, 8), offsets[3], scale, inputs[(Int8Inputs.Scale * 8) + 3]));
                (f4, f5) = (
                    Finish(f4, Sum(g0, g1, g2, g3, x + 4, 8), offsets[4], scale, inputs[(Int8Inputs.Scale * 8) + 4]),
                    Finish(f5, Sum(g0, g1, g2, g3, x + 5, 8), offsets[5], scale, inputs[(Int8Inputs.Scale * 8) + 5]));
                (f6, f7) = (
                    Finish(f6, Sum(g0, g1, g2, g3, x + 6, 8), offsets[6], scale, inputs[(Int8Inputs.Scale * 8) + 6]),
                    Finish(f7, Sum(g0, g1, g2, g3, x + 7, 8), offsets[7], scale, inputs[(Int8Inputs.Scale * 8) + 7]));
            }
        }

        TileRows<TSimd, TVector>.Store(f0, f1, f2, f3, sums);
        TileRows<TSimd, TVector>.Store(f4, f5, f6, f7, sums + 64);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static byte* SuperBlock(byte* panel, int block) =>
        panel + ((long)(block / SixBitScales.Blocks) * (SixBitScales.Bytes + (SixBitScales.Blocks * SixBitCodes.Bytes)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static byte* Codes(byte* panel, int block) =>
        SuperBlock(panel, block) + SixBitScales.Bytes + (block % SixBitScales.Blocks * SixBitCodes.Bytes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Scale(byte* panel, int block, int half, int lane)
    {
        var superBlock = SuperBlock(panel, block);
        var scales = superBlock + 32 + (((block % SixBitScales.Blocks * 2) + half) * PanelLayout.Outputs) + lane;
        return TSimd.Multiply(HalfLanes.Load<TSimd, TVector>(superBlock + (2 * lane)), TSimd.ToSingle(TSimd.LoadSignedBytes(scales)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Weight(byte* panel, int block, int column, int lane)
    {
        var bits = Weights(Codes(panel, block) + (4 * lane), column / 16, column / 4 % 4);
        var code = TSimd.And(TSimd.ShiftRightUInt32(bits, 8 * (column % 4)), TSimd.Broadcast(0xFF));
        return TSimd.Multiply(Scale(panel, block, column / 16, lane), TSimd.ToSingle(TSimd.AddInt32(code, TSimd.Broadcast(-32))));
    }

    /// <summary>The 6-bit codes of a group, one a byte.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Weights(byte* codes, int half, int group)
    {
        var low = TSimd.Load(codes + (64 * group));
        low = TSimd.And(half == 0 ? low : TSimd.ShiftRightUInt16(low, 4), TSimd.Broadcast(0x0F0F0F0F));
        var high = TSimd.Load(codes + 256 + (64 * half));
        high = group < 2 ? TSimd.ShiftLeftInt32(high, 4 - (2 * group)) : TSimd.ShiftRightUInt32(high, (2 * group) - 4);
        return TSimd.Or(low, TSimd.And(high, TSimd.Broadcast(0x30303030)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Sum(TVector g0, TVector g1, TVector g2, TVector g3, int* x, int rows)
    {
        var first = TSimd.AddInt16(
            TSimd.MultiplyBytePairs(g0, TSimd.Broadcast(x[0])), TSimd.MultiplyBytePairs(g1, TSimd.Broadcast(x[rows])));
        var last = TSimd.AddInt16(
            TSimd.MultiplyBytePairs(g2, TSimd.Broadcast(x[2 * rows])), TSimd.MultiplyBytePairs(g3, TSimd.Broadcast(x[3 * rows])));
        return TSimd.AddInt32(TSimd.SumInt16Pairs(first), TSimd.SumInt16Pairs(last));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Finish(TVector sum, TVector integers, int offset, TVector scale, int inputScale) =>
        TSimd.Fma(
            TSimd.ToSingle(TSimd.AddInt32(integers, TSimd.Broadcast(offset))),
            TSimd.Multiply(scale, TSimd.Broadcast(inputScale)),
            sum);
}
