using System.Runtime.CompilerServices;
using OrleansLLM.Compute.Cpu.Panels.Kernels;
using OrleansLLM.Compute.Cpu.Simd;

namespace OrleansLLM.Compute.Cpu.Attention;

/// <summary>outputs[row] += Σ weight[row, key] · value[key], key after key; weights are [row][16].</summary>
internal static unsafe class ValueKernel<TElement, TSimd, TVector>
    where TElement : struct, IKvElement
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    private const int Next = CpuKvCache.PanelSlots;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(byte* values, int width, float* weights, int keys, float* outputs, int outputWidth, int rows)
    {
        for (var i = 0; i < width; i += TSimd.Lanes)
        {
            var from = values + (i * TElement.Bytes);
            switch (rows)
            {
                case 1:
                    Tile1(from, width * TElement.Bytes, weights, keys, outputs + i);
                    break;
                case 4:
                    Tile4(from, width * TElement.Bytes, weights, keys, outputs + i, outputWidth);
                    break;
                default:
                    Tile8(from, width * TElement.Bytes, weights, keys, outputs + i, outputWidth);
                    break;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile1(byte* values, int stride, float* weights, int keys, float* outputs)
    {
        var f0 = TSimd.Load(outputs);
        for (var key = 0; key < keys; key++, values += stride, weights++)
        {
            var value = TElement.Load<TSimd, TVector>(values);
            f0 = TSimd.Fma(value, TSimd.Broadcast(*weights), f0);
        }

        TSimd.Store(f0, outputs);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile4(byte* values, int stride, float* weights, int keys, float* outputs, int width)
    {
        var (f0, f1, f2, f3) = (
            TSimd.Load(outputs), TSimd.Load(outputs + width), TSimd.Load(outputs + (2 * width)), TSimd.Load(outputs + (3 * width)));
        for (var key = 0; key < keys; key++, values += stride, weights++)
        {
            var value = TElement.Load<TSimd, TVector>(values);
            (f0, f1) = (TSimd.Fma(value, TSimd.Broadcast(*weights), f0), TSimd.Fma(value, TSimd.Broadcast(weights[Next]), f1));
            (f2, f3) = (TSimd.Fma(value, TSimd.Broadcast(weights[2 * Next]), f2), TSimd.Fma(value, TSimd.Broadcast(weights[3 * Next]), f3));
        }

        TileRows<TSimd, TVector>.Store(f0, f1, f2, f3, outputs, width);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile8(byte* values, int stride, float* weights, int keys, float* outputs, int width)
    {
        var (f0, f1, f2, f3) = (
            TSimd.Load(outputs), TSimd.Load(outputs + width), TSimd.Load(outputs + (2 * width)), TSimd.Load(outputs + (3 * width)));
        var (f4, f5, f6, f7) = (
            TSimd.Load(outputs + (4 * width)), TSimd.Load(outputs + (5 * width)), TSimd.Load(outputs + (6 * width)), TSimd.Load(outputs + (7 * width)));
        for (var key = 0; key < keys; key++, values += stride, weights++)
        {
            var value = TElement.Load<TSimd, TVector>(values);
            (f0, f1) = (TSimd.Fma(value, TSimd.Broadcast(*weights), f0), TSimd.Fma(value, TSimd.Broadcast(weights[Next]), f1));
            (f2, f3) = (TSimd.Fma(value, TSimd.Broadcast(weights[2 * Next]), f2), TSimd.Fma(value, TSimd.Broadcast(weights[3 * Next]), f3));
            (f4, f5) = (TSimd.Fma(value, TSimd.Broadcast(weights[4 * Next]), f4), TSimd.Fma(value, TSimd.Broadcast(weights[5 * Next]), f5));
            (f6, f7) = (TSimd.Fma(value, TSimd.Broadcast(weights[6 * Next]), f6), TSimd.Fma(value, TSimd.Broadcast(weights[7 * Next]), f7));
        }

        TileRows<TSimd, TVector>.Store(f0, f1, f2, f3, outputs, width);
        TileRows<TSimd, TVector>.Store(f4, f5, f6, f7, outputs + (4 * width), width);
    }
}
