using OrleansLLM.Compute.Cpu.Panels.Kernels;
using OrleansLLM.Compute.Cpu.Simd;

namespace OrleansLLM.Compute.Cpu.Panels;

/// <summary>Q6_K (<see cref="SixBitKernel{TSimd,TVector}"/>); as many bytes as in the file.</summary>
internal sealed unsafe class SixBitLayout : PanelLayout
{
    public const int ScaleBytes = 32 + 256;
    public const int CodeBytes = 384;
    public const int SuperBytes = ScaleBytes + (8 * CodeBytes);

    private const int FileBytes = 210;

    public override long PanelBytes(int columns) => (long)(columns / 256) * SuperBytes;

    public override void Pack(WeightSource source, int firstRow, int rows, byte* panel)
    {
        var codes = stackalloc byte[256];
        for (var lane = 0; lane < rows; lane++)
        {
            fixed (byte* row = source.Row(firstRow + lane))
            {
                var superBlock = panel;
                for (var block = row; block < row + source.RowBytes; block += FileBytes, superBlock += SuperBytes)
                {
                    Read(block, codes, superBlock, lane);
                    for (var i = 0; i < 8; i++)
                    {
                        WriteCodes(codes + (32 * i), superBlock + ScaleBytes + (i * CodeBytes), lane);
                    }
                }
            }
        }
    }

    public override PanelKernels Bind<TSimd, TVector>(Arithmetic arithmetic) =>
        arithmetic == Arithmetic.Float32
            ? new(
                PackedInputs.Float32,
                &DecodingKernel<Decoder<TSimd, TVector>, TSimd, TVector>.Multiply,
                &SixBitKernel<TSimd, TVector>.Decode)
            : new(
                PackedInputs.Int8,
                &SixBitKernel<TSimd, TVector>.Multiply,
                &SixBitKernel<TSimd, TVector>.Decode);

    /// <summary>File: | 128 low nibbles pairs | 64 two-bit quadruples | 16 int8 scales | d |, the codes in two halves of 128.</summary>
    private static void Read(byte* block, byte* codes, byte* superBlock, int lane)
    {
        for (var half = 0; half < 2; half++)
        {
            var low = block + (64 * half);
            var high = block + 128 + (32 * half);
            var to = codes + (128 * half);
            for (var i = 0; i < 32; i++)
            {
                to[i] = (byte)((low[i] & 15) | ((high[i] & 3) << 4));
                to[i + 32] = (byte)((low[i + 32] & 15) | ((high[i] & 0x0C) << 2));
                to[i + 64] = (byte)((low[i] >> 4) | (high[i] & 0x30));
                to[i + 96] = (byte)((low[i + 32] >> 4) | ((high[i] & 0xC0) >> 2));
            }
        }

        ((ushort*)superBlock)[lane] = *(ushort*)(block + 208);
        for (var i = 0; i < 16; i++)
        {
            superBlock[32 + (i * Outputs) + lane] = block[192 + i];
        }
    }

    private static void WriteCodes(byte* codes, byte* to, int lane)
    {
        for (var group = 0; group < 4; group++)
        {
            var (first, last) = (*(uint*)(codes + (4 * group)), *(uint*)(codes + 16 + (4 * group)));
            *(uint*)(to + (64 * group) + (4 * lane)) = (first & 0x0F0F0F0F) | ((last & 0x0F0F0F0F) << 4);
            *(uint*)(to + 256 + (4 * lane)) |= ((first & 0x30303030) >> 4) << (2 * group);
            *(uint*)(to + 320 + (4 * lane)) |= ((last & 0x30303030) >> 4) << (2 * group);
        }
    }

    private readonly struct Decoder<TSimd, TVector> : IPanelDecoder
        where TSimd : struct, ISimd<TVector>
        where TVector : struct
    {
        public static void Decode(byte* panel, int firstColumn, int columns, float* to) =>
            SixBitKernel<TSimd, TVector>.Decode(panel, firstColumn, columns, to);
    }
}
