using System.Runtime.CompilerServices;
using OrleansLLM.Compute.Cpu.Simd;

namespace OrleansLLM.Compute.Cpu.Panels.Kernels;

/// <summary>Float32 arithmetic on exactly decoded weights of any layout: some columns at a time, decoded into the cache nearest by.</summary>
internal static unsafe class DecodingKernel<TTiles, TSimd, TVector>
    where TTiles : struct, IBlockTiles
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    private const int StepColumns = 256;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    [SkipLocalsInit]
    public static void Multiply(byte* panel, byte* inputs, int columns, int rows, float* sums)
    {
        var weights = stackalloc float[StepColumns * PanelLayout.Outputs];
        new Span<float>(sums, rows * PanelLayout.Outputs).Clear();
        for (var first = 0; first < columns; first += StepColumns)
        {
            var count = Math.Min(StepColumns, columns - first);
            TTiles.Decode(panel, first, count, weights);
            FloatKernel<Float32Panel, TSimd, TVector>.Accumulate((byte*)weights, (float*)inputs + ((long)first * rows), count, rows, sums);
        }
    }
}
