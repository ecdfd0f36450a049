using System.Runtime.CompilerServices;
using OrleansLLM.Compute.Cpu.Panels.Formats;
using OrleansLLM.Compute.Cpu.Panels.Kernels;

namespace OrleansLLM.Compute.Cpu.Panels;

/// <summary>
/// A layout of super-blocks that begin with scales and go on with the codes of their blocks of 32 columns; as many bytes as in the file.
/// </summary>
internal abstract unsafe class BlockLayout<TCodes, TScales, TFormat> : PanelLayout
    where TCodes : struct, ICodePlaces
    where TScales : struct, IScalePlaces
    where TFormat : struct, IBlockFormat
{
    private static int SuperBytes => TScales.Bytes + (TScales.Blocks * TCodes.Bytes);

    public override long PanelBytes(int columns) => (long)(columns / (32 * TScales.Blocks)) * SuperBytes;

    public override uint Pack(WeightSource source, int firstRow, int rows, byte* panel)
    {
        var broken = 0u;
        var codes = stackalloc byte[256];
        var blockBytes = source.Format.BlockBytes;
        for (var lane = 0; lane < rows; lane++)
        {
            fixed (byte* row = source.Row(firstRow + lane))
            {
                var superBlock = panel;
                for (var block = row; block < row + source.RowBytes; block += blockBytes, superBlock += SuperBytes)
                {
                    broken |= Halves.AreFinite(block, TFormat.Halves) ? 0 : 1u << lane;
                    TFormat.Read(block, codes, superBlock, lane);
                    for (var i = 0; i < TScales.Blocks; i++)
                    {
                        TCodes.Write(codes + (32 * i), superBlock + TScales.Bytes + (i * TCodes.Bytes), lane);
                    }
                }
            }
        }

        return broken;
    }
}

/// <summary>Weights of scale · code + minimum.</summary>
internal sealed class CodeLayout<TCodes, TScales, TFormat> : BlockLayout<TCodes, TScales, TFormat>
    where TCodes : struct, ICodes
    where TScales : struct, IBlockScales
    where TFormat : struct, IBlockFormat
{
    public override PanelKernels Bind<TSimd, TVector>(Arithmetic arithmetic) =>
        BlockKernel<CodeTiles<TCodes, TScales, TSimd, TVector>, TSimd, TVector>.Bind(arithmetic);
}

/// <summary>Weights whose file keeps nibble pairs as <see cref="NibbleCodes"/> does: their words move as they are.</summary>
internal sealed unsafe class PairLayout<TScales, TFormat> : PanelLayout
    where TScales : struct, IBlockScales
    where TFormat : struct, IPairFormat
{
    private static int BlockBytes => TScales.Bytes + NibbleCodes.Bytes;

    public override long PanelBytes(int columns) => (long)(columns / 32) * BlockBytes;

    public override PanelKernels Bind<TSimd, TVector>(Arithmetic arithmetic) =>
        BlockKernel<CodeTiles<NibbleCodes, TScales, TSimd, TVector>, TSimd, TVector>.Bind(arithmetic);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override uint Pack(WeightSource source, int firstRow, int rows, byte* panel)
    {
        var broken = 0u;
        var fileBytes = source.Format.BlockBytes;
        for (var lane = 0; lane < rows; lane++)
        {
            fixed (byte* row = source.Row(firstRow + lane))
            {
                var block = panel;
                for (var from = row; from < row + source.RowBytes; from += fileBytes, block += BlockBytes)
                {
                    broken |= Halves.AreFinite(from, TFormat.Halves) ? 0 : 1u << lane;
                    var pairs = (uint*)TFormat.ReadScales(from, block, lane);
                    var to = (uint*)(block + TScales.Bytes) + lane;
                    to[0] = pairs[0];
                    to[Outputs] = pairs[1];
                    to[2 * Outputs] = pairs[2];
                    to[3 * Outputs] = pairs[3];
                }
            }
        }

        return broken;
    }
}

/// <summary>Q6_K, whose scales are those of half blocks.</summary>
internal sealed class SixBitLayout : BlockLayout<SixBitCodes, SixBitScales, Q6_K>
{
    public override PanelKernels Bind<TSimd, TVector>(Arithmetic arithmetic) =>
        BlockKernel<SixBitTiles<TSimd, TVector>, TSimd, TVector>.Bind(arithmetic);
}
