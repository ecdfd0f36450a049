using System.Runtime.CompilerServices;
using OrleansLLM.Compute.Cpu.Simd;

namespace OrleansLLM.Compute.Cpu.Panels.Kernels;

/// <summary>
/// Weights of scale · code + minimum against 8-bit inputs. For each block of 32 columns, in order: the integer sum of products, which is
/// exact, then sum = fma(float(integers), weight scale · input scale, sum), then, for formats with minimums,
/// sum = fma(minimum, input scale · Σ input codes, sum). Then the row's outliers, in order: sum = fma(weight, outlier, sum).
/// </summary>
internal readonly unsafe struct CodeTiles<TCodes, TScales, TSimd, TVector> : IBlockTiles
    where TCodes : struct, ICodes
    where TScales : struct, IBlockScales
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    public static PackedInputs Inputs => TCodes.Inputs;

    private static int SuperBytes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TScales.Bytes + (TScales.Blocks * TCodes.Bytes);
    }

    /// <summary>Words of the inputs of all vectors of a block, of one row.</summary>
    private static int VectorWords
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TCodes.Bytes / 64 * TCodes.Next;
    }

    /// <summary>fma(scale, code, minimum).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Decode(byte* panel, int firstColumn, int columns, float* to)
    {
        for (var block = firstColumn / 32; block < (firstColumn + columns) / 32; block++, to += 32 * PanelLayout.Outputs)
        {
            var superBlock = panel + ((long)(block / TScales.Blocks) * SuperBytes);
            var codes = superBlock + TScales.Bytes + (block % TScales.Blocks * TCodes.Bytes);
            for (var lane = 0; lane < PanelLayout.Outputs; lane += TSimd.Lanes)
            {
                var scale = TScales.Scale<TSimd, TVector>(superBlock, block % TScales.Blocks, lane);
                var minimum = TScales.Minimum<TSimd, TVector>(superBlock, block % TScales.Blocks, lane);
                for (var column = 0; column < 32; column++)
                {
                    var code = TCodes.Code<TScales, TSimd, TVector>(codes + (4 * lane), column);
                    TSimd.Store(TSimd.Fma(scale, code, minimum), to + (column * PanelLayout.Outputs) + lane);
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AddColumn(byte* panel, int column, float number, float* sums)
    {
        var (block, x) = (column / 32, TSimd.Broadcast(number));
        var superBlock = panel + ((long)(block / TScales.Blocks) * SuperBytes);
        var codes = superBlock + TScales.Bytes + (block % TScales.Blocks * TCodes.Bytes);
        for (var lane = 0; lane < PanelLayout.Outputs; lane += TSimd.Lanes)
        {
            var scale = TScales.Scale<TSimd, TVector>(superBlock, block % TScales.Blocks, lane);
            var minimum = TScales.Minimum<TSimd, TVector>(superBlock, block % TScales.Blocks, lane);
            var weight = TSimd.Fma(scale, TCodes.Code<TScales, TSimd, TVector>(codes + (4 * lane), column % 32), minimum);
            TSimd.Store(TSimd.Fma(weight, x, TSimd.Load(sums + lane)), sums + lane);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Tile1(byte* panel, int* inputs, int block, int end, int lane, float* sums)
    {
        var f0 = TSimd.Load(sums);
        for (inputs += block * TCodes.Words * 1; block < end; block++, inputs += TCodes.Words * 1)
        {
            var superBlock = panel + ((long)(block / TScales.Blocks) * SuperBytes);
            var codes = superBlock + TScales.Bytes + (block % TScales.Blocks * TCodes.Bytes) + (4 * lane);
            var a0 = TCodes.Start<TSimd, TVector>(inputs + 0, 1);
            for (var x = inputs; x < inputs + VectorWords; x += TCodes.Next, codes += 64)
            {
                var bits = TSimd.Load(codes);
                var (first, second) = (TCodes.First<TSimd, TVector>(bits), TCodes.Second<TSimd, TVector>(bits));
                a0 = Add(a0, first, second, x, 1);
            }

            var scale = TScales.Scale<TSimd, TVector>(superBlock, block % TScales.Blocks, lane);
            var minimum = TScales.Minimum<TSimd, TVector>(superBlock, block % TScales.Blocks, lane);
            f0 = Finish(f0, a0, scale, minimum, inputs + 0, 1);
        }

        TSimd.Store(f0, sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Tile4(byte* panel, int* inputs, int block, int end, int lane, float* sums)
    {
        var (f0, f1, f2, f3) = (TSimd.Load(sums), TSimd.Load(sums + 16), TSimd.Load(sums + 32), TSimd.Load(sums + 48));
        for (inputs += block * TCodes.Words * 4; block < end; block++, inputs += TCodes.Words * 4)
        {
            var superBlock = panel + ((long)(block / TScales.Blocks) * SuperBytes);
            var codes = superBlock + TScales.Bytes + (block % TScales.Blocks * TCodes.Bytes) + (4 * lane);
            var (a0, a1) = (TCodes.Start<TSimd, TVector>(inputs + 0, 4), TCodes.Start<TSimd, TVector>(inputs + 1, 4));
            var (a2, a3) = (TCodes.Start<TSimd, TVector>(inputs + 2, 4), TCodes.Start<TSimd, TVector>(inputs + 3, 4));
            for (var x = inputs; x < inputs + (VectorWords * 4); x += TCodes.Next * 4, codes += 64)
            {
                var bits = TSimd.Load(codes);
                var (first, second) = (TCodes.First<TSimd, TVector>(bits), TCodes.Second<TSimd, TVector>(bits));
                (a0, a1) = (Add(a0, first, second, x + 0, 4), Add(a1, first, second, x + 1, 4));
                (a2, a3) = (Add(a2, first, second, x + 2, 4), Add(a3, first, second, x + 3, 4));
            }

            var scale = TScales.Scale<TSimd, TVector>(superBlock, block % TScales.Blocks, lane);
            var minimum = TScales.Minimum<TSimd, TVector>(superBlock, block % TScales.Blocks, lane);
            (f0, f1) = (Finish(f0, a0, scale, minimum, inputs + 0, 4), Finish(f1, a1, scale, minimum, inputs + 1, 4));
            (f2, f3) = (Finish(f2, a2, scale, minimum, inputs + 2, 4), Finish(f3, a3, scale, minimum, inputs + 3, 4));
        }

        TileRows<TSimd, TVector>.Store(f0, f1, f2, f3, sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Tile8(byte* panel, int* inputs, int block, int end, int lane, float* sums)
    {
        var (f0, f1, f2, f3) = (TSimd.Load(sums), TSimd.Load(sums + 16), TSimd.Load(sums + 32), TSimd.Load(sums + 48));
        var (f4, f5, f6, f7) = (TSimd.Load(sums + 64), TSimd.Load(sums + 80), TSimd.Load(sums + 96), TSimd.Load(sums + 112));
        for (inputs += block * TCodes.Words * 8; block < end; block++, inputs += TCodes.Words * 8)
        {
            var superBlock = panel + ((long)(block / TScales.Blocks) * SuperBytes);
            var codes = superBlock + TScales.Bytes + (block % TScales.Blocks * TCodes.Bytes) + (4 * lane);
            var (a0, a1) = (TCodes.Start<TSimd, TVector>(inputs + 0, 8), TCodes.Start<TSimd, TVector>(inputs + 1, 8));
            var (a2, a3) = (TCodes.Start<TSimd, TVector>(inputs + 2, 8), TCodes.Start<TSimd, TVector>(inputs + 3, 8));
            var (a4, a5) = (TCodes.Start<TSimd, TVector>(inputs + 4, 8), TCodes.Start<TSimd, TVector>(inputs + 5, 8));
            var (a6, a7) = (TCodes.Start<TSimd, TVector>(inputs + 6, 8), TCodes.Start<TSimd, TVector>(inputs + 7, 8));
            for (var x = inputs; x < inputs + (VectorWords * 8); x += TCodes.Next * 8, codes += 64)
            {
                var bits = TSimd.Load(codes);
                var (first, second) = (TCodes.First<TSimd, TVector>(bits), TCodes.Second<TSimd, TVector>(bits));
                (a0, a1) = (Add(a0, first, second, x + 0, 8), Add(a1, first, second, x + 1, 8));
                (a2, a3) = (Add(a2, first, second, x + 2, 8), Add(a3, first, second, x + 3, 8));
                (a4, a5) = (Add(a4, first, second, x + 4, 8), Add(a5, first, second, x + 5, 8));
                (a6, a7) = (Add(a6, first, second, x + 6, 8), Add(a7, first, second, x + 7, 8));
            }

            var scale = TScales.Scale<TSimd, TVector>(superBlock, block % TScales.Blocks, lane);
            var minimum = TScales.Minimum<TSimd, TVector>(superBlock, block % TScales.Blocks, lane);
            (f0, f1) = (Finish(f0, a0, scale, minimum, inputs + 0, 8), Finish(f1, a1, scale, minimum, inputs + 1, 8));
            (f2, f3) = (Finish(f2, a2, scale, minimum, inputs + 2, 8), Finish(f3, a3, scale, minimum, inputs + 3, 8));
            (f4, f5) = (Finish(f4, a4, scale, minimum, inputs + 4, 8), Finish(f5, a5, scale, minimum, inputs + 5, 8));
            (f6, f7) = (Finish(f6, a6, scale, minimum, inputs + 6, 8), Finish(f7, a7, scale, minimum, inputs + 7, 8));
        }

        TileRows<TSimd, TVector>.Store(f0, f1, f2, f3, sums);
        TileRows<TSimd, TVector>.Store(f4, f5, f6, f7, sums + 64);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Add(TVector sum, TVector first, TVector second, int* x, int rows) =>
        TCodes.Add<TSimd, TVector>(sum, first, second, x[0], x[TCodes.Other * rows]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Finish(TVector sum, TVector products, TVector scale, TVector minimum, int* inputs, int rows)
    {
        var integers = TCodes.Integers<TScales, TSimd, TVector>(products, inputs, rows);
        var inputScale = TSimd.Broadcast(((float*)inputs)[TCodes.Scale * rows]);
        sum = TSimd.Fma(TSimd.ToSingle(integers), TSimd.Multiply(scale, inputScale), sum);
        return TScales.HasMinimum
            ? TSimd.Fma(minimum, TSimd.Broadcast(((float*)inputs)[TCodes.ScaledSum * rows]), sum)
            : sum;
    }
}
