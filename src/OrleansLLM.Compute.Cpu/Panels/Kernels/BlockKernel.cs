using System.Runtime.CompilerServices;
using OrleansLLM.Compute.Cpu.Simd;

namespace OrleansLLM.Compute.Cpu.Panels.Kernels;

/// <summary>Multiplies a panel of blocks with a tile of rows: all lanes of some blocks at a time, so that a single row streams the panel once.</summary>
internal static unsafe class BlockKernel<TTiles, TSimd, TVector>
    where TTiles : struct, IBlockTiles
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    private const int StepBlocks = 4;

    /// <summary>The kernels of a layout whose arithmetic this is.</summary>
    public static PanelKernels Bind(Arithmetic arithmetic) => arithmetic == Arithmetic.Float32
        ? new(PackedInputs.Float32, &DecodingKernel<TTiles, TSimd, TVector>.Multiply, &Decode)
        : new(TTiles.Inputs, &Multiply, &Decode);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply(byte* panel, byte* inputs, int columns, int rows, float* sums)
    {
        var blocks = columns / 32;
        new Span<float>(sums, rows * PanelLayout.Outputs).Clear();
        var step = rows == 1 ? StepBlocks : blocks;
        for (var first = 0; first < blocks; first += step)
        {
            var end = Math.Min(first + step, blocks);
            for (var lane = 0; lane < PanelLayout.Outputs; lane += TSimd.Lanes)
            {
                switch (rows)
                {
                    case 1:
                        TTiles.Tile1(panel, (int*)inputs, first, end, lane, sums + lane);
                        break;
                    case 4:
                        TTiles.Tile4(panel, (int*)inputs, first, end, lane, sums + lane);
                        break;
                    default:
                        TTiles.Tile8(panel, (int*)inputs, first, end, lane, sums + lane);
                        break;
                }
            }
        }

        if (TTiles.Inputs == PackedInputs.Int8)
        {
            var outliers = (int*)inputs + ((long)blocks * Int8Inputs.Words * rows);
            for (var row = 0; row < rows; row++)
            {
                AddOutliers(panel, outliers + (row * Int8Inputs.OutlierWords(blocks)), sums + (row * PanelLayout.Outputs));
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddOutliers(byte* panel, int* outliers, float* sums)
    {
        for (var outlier = outliers + 1; outlier < outliers + 1 + (2 * outliers[0]); outlier += 2)
        {
            TTiles.AddColumn(panel, outlier[0], ((float*)outlier)[1], sums);
        }
    }

    private static void Decode(byte* panel, int firstColumn, int columns, float* to) => TTiles.Decode(panel, firstColumn, columns, to);
}
