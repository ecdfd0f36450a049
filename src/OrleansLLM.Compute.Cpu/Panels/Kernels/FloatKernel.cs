using System.Runtime.CompilerServices;
using OrleansLLM.Compute.Cpu.Simd;

namespace OrleansLLM.Compute.Cpu.Panels.Kernels;

/// <summary>Multiplies float panels with float32 inputs: sum = fma(weight, input, sum), column after column.</summary>
internal static unsafe class FloatKernel<TPanel, TSimd, TVector>
    where TPanel : struct, IFloatPanel
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    private const int StepColumns = 32;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply(byte* panel, byte* inputs, int columns, int rows, float* sums)
    {
        new Span<float>(sums, rows * PanelLayout.Outputs).Clear();
        Accumulate(panel, (float*)inputs, columns, rows, sums);
    }

    /// <summary>As <see cref="Multiply"/>, on top of what the sums hold.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Accumulate(byte* panel, float* inputs, int columns, int rows, float* sums)
    {
        var pairs = (columns + 1) / 2;
        var step = rows == 1 ? StepColumns / 2 : pairs;
        for (var first = 0; first < pairs; first += step)
        {
            var count = Math.Min(step, pairs - first);
            var weights = panel + ((long)first * TPanel.PairBytes);
            var x = inputs + ((long)first * 2 * rows);
            for (var lane = 0; lane < PanelLayout.Outputs; lane += TSimd.Lanes)
            {
                switch (rows)
                {
                    case 1:
                        Tile1(weights + (4 * lane), x, count, sums + lane);
                        break;
                    case 4:
                        Tile4(weights + (4 * lane), x, count, sums + lane);
                        break;
                    default:
                        Tile8(weights + (4 * lane), x, count, sums + lane);
                        break;
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Decode(byte* panel, int firstColumn, int columns, float* to)
    {
        for (var column = firstColumn; column < firstColumn + columns; column++, to += PanelLayout.Outputs)
        {
            var pair = panel + ((long)(column / 2) * TPanel.PairBytes);
            for (var lane = 0; lane < PanelLayout.Outputs; lane += TSimd.Lanes)
            {
                var weights = column % 2 == 0
                    ? TPanel.First<TSimd, TVector>(pair + (4 * lane))
                    : TPanel.Second<TSimd, TVector>(pair + (4 * lane));
                TSimd.Store(weights, to + lane);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile1(byte* weights, float* x, int pairs, float* sums)
    {
        var f0 = TSimd.Load(sums);
        for (var pair = 0; pair < pairs; pair++, weights += TPanel.PairBytes, x += 2)
        {
            var first = TPanel.First<TSimd, TVector>(weights);
            var second = TPanel.Second<TSimd, TVector>(weights);
            f0 = Add(f0, first, second, x[0], x[1]);
        }

        TSimd.Store(f0, sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile4(byte* weights, float* x, int pairs, float* sums)
    {
        var (f0, f1, f2, f3) = (TSimd.Load(sums), TSimd.Load(sums + 16), TSimd.Load(sums + 32), TSimd.Load(sums + 48));
        for (var pair = 0; pair < pairs; pair++, weights += TPanel.PairBytes, x += 8)
        {
            var first = TPanel.First<TSimd, TVector>(weights);
            var second = TPanel.Second<TSimd, TVector>(weights);
            (f0, f1) = (Add(f0, first, second, x[0], x[4]), Add(f1, first, second, x[1], x[5]));
            (f2, f3) = (Add(f2, first, second, x[2], x[6]), Add(f3, first, second, x[3], x[7]));
        }

        TileRows<TSimd, TVector>.Store(f0, f1, f2, f3, sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile8(byte* weights, float* x, int pairs, float* sums)
    {
        var (f0, f1, f2, f3) = (TSimd.Load(sums), TSimd.Load(sums + 16), TSimd.Load(sums + 32), TSimd.Load(sums + 48));
        var (f4, f5, f6, f7) = (TSimd.Load(sums + 64), TSimd.Load(sums + 80), TSimd.Load(sums + 96), TSimd.Load(sums + 112));
        for (var pair = 0; pair < pairs; pair++, weights += TPanel.PairBytes, x += 16)
        {
            var first = TPanel.First<TSimd, TVector>(weights);
            var second = TPanel.Second<TSimd, TVector>(weights);
            (f0, f1) = (Add(f0, first, second, x[0], x[8]), Add(f1, first, second, x[1], x[9]));
            (f2, f3) = (Add(f2, first, second, x[2], x[10]), Add(f3, first, second, x[3], x[11]));
            (f4, f5) = (Add(f4, first, second, x[4], x[12]), Add(f5, first, second, x[5], x[13]));
            (f6, f7) = (Add(f6, first, second, x[6], x[14]), Add(f7, first, second, x[7], x[15]));
        }

        TileRows<TSimd, TVector>.Store(f0, f1, f2, f3, sums);
        TileRows<TSimd, TVector>.Store(f4, f5, f6, f7, sums + 64);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Add(TVector sum, TVector first, TVector second, float firstInput, float secondInput) =>
        TSimd.Fma(second, TSimd.Broadcast(secondInput), TSimd.Fma(first, TSimd.Broadcast(firstInput), sum));
}
