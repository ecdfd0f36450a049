using OrleansLLM.Compute.Cpu.Panels.Formats;
using OrleansLLM.Compute.Cpu.Panels.Kernels;
using OrleansLLM.Compute.Cpu.Simd;

namespace OrleansLLM.Compute.Cpu.Panels;

/// <summary>A layout whose blocks begin with scales and go on with codes.</summary>
internal abstract unsafe class QuantizedLayout<TScales, TFormat> : PanelLayout
    where TScales : struct, IBlockScales
    where TFormat : struct, IBlockFormat
{
    /// <summary>Bytes of 16 outputs' codes of 32 columns.</summary>
    protected abstract int CodeBytes { get; }

    public override long PanelBytes(int columns) =>
        (long)(columns / (32 * TScales.Blocks)) * (TScales.Bytes + (TScales.Blocks * CodeBytes));

    public override void Pack(WeightSource source, int firstRow, int rows, byte* panel)
    {
        var codes = stackalloc byte[256];
        var (blockBytes, superBytes) = (source.Format.BlockBytes, TScales.Bytes + (TScales.Blocks * CodeBytes));
        for (var lane = 0; lane < rows; lane++)
        {
            fixed (byte* row = source.Row(firstRow + lane))
            {
                var superBlock = panel;
                for (var block = row; block < row + source.RowBytes; block += blockBytes, superBlock += superBytes)
                {
                    TFormat.Read(block, codes, superBlock, lane);
                    for (var i = 0; i < TScales.Blocks; i++)
                    {
                        WriteCodes(codes + (32 * i), superBlock + TScales.Bytes + (i * CodeBytes), lane);
                    }
                }
            }
        }
    }

    /// <summary>Puts 32 codes of one output into its lane.</summary>
    protected abstract void WriteCodes(byte* codes, byte* to, int lane);
}

/// <summary>4-bit codes (<see cref="NibbleKernel{TScales,TSimd,TVector}"/>).</summary>
internal sealed unsafe class NibbleLayout<TScales, TFormat> : QuantizedLayout<TScales, TFormat>
    where TScales : struct, IBlockScales
    where TFormat : struct, IBlockFormat
{
    protected override int CodeBytes => 256;

    public override PanelKernels Bind<TSimd, TVector>(Arithmetic arithmetic) =>
        arithmetic == Arithmetic.Float32
            ? new(
                PackedInputs.Float32,
                &DecodingKernel<Decoder<TSimd, TVector>, TSimd, TVector>.Multiply,
                &NibbleKernel<TScales, TSimd, TVector>.Decode)
            : new(
                PackedInputs.Int8,
                &NibbleKernel<TScales, TSimd, TVector>.Multiply,
                &NibbleKernel<TScales, TSimd, TVector>.Decode);

    protected override void WriteCodes(byte* codes, byte* to, int lane)
    {
        for (var group = 0; group < 4; group++)
        {
            *(uint*)(to + (64 * group) + (4 * lane)) = *(uint*)(codes + (4 * group)) | (*(uint*)(codes + 16 + (4 * group)) << 4);
        }
    }

    private readonly struct Decoder<TSimd, TVector> : IPanelDecoder
        where TSimd : struct, ISimd<TVector>
        where TVector : struct
    {
        public static void Decode(byte* panel, int firstColumn, int columns, float* to) =>
            NibbleKernel<TScales, TSimd, TVector>.Decode(panel, firstColumn, columns, to);
    }
}

/// <summary>8-bit codes (<see cref="ByteKernel{TScales,TSimd,TVector}"/>).</summary>
internal sealed unsafe class ByteLayout<TScales, TFormat> : QuantizedLayout<TScales, TFormat>
    where TScales : struct, IBlockScales
    where TFormat : struct, IBlockFormat
{
    protected override int CodeBytes => 512;

    public override PanelKernels Bind<TSimd, TVector>(Arithmetic arithmetic) =>
        arithmetic == Arithmetic.Float32
            ? new(
                PackedInputs.Float32,
                &DecodingKernel<Decoder<TSimd, TVector>, TSimd, TVector>.Multiply,
                &ByteKernel<TScales, TSimd, TVector>.Decode)
            : new(
                PackedInputs.Int16,
                &ByteKernel<TScales, TSimd, TVector>.Multiply,
                &ByteKernel<TScales, TSimd, TVector>.Decode);

    protected override void WriteCodes(byte* codes, byte* to, int lane)
    {
        for (var group = 0; group < 8; group++)
        {
            *(uint*)(to + (64 * group) + (4 * lane)) = *(uint*)(codes + (4 * group)) ^ 0x80808080;
        }
    }

    private readonly struct Decoder<TSimd, TVector> : IPanelDecoder
        where TSimd : struct, ISimd<TVector>
        where TVector : struct
    {
        public static void Decode(byte* panel, int firstColumn, int columns, float* to) =>
            ByteKernel<TScales, TSimd, TVector>.Decode(panel, firstColumn, columns, to);
    }
}
