using System.Buffers.Binary;

namespace OrleansLLM.Compute.Formats;

/// <summary>
/// 256 weights in eight groups of 32, each with a 6-bit scale s and minimum m; super-scales d and e (halves); w = d · s · q − e · m. The
/// twelve bytes of s and m: the first four of each are the low six bits of bytes 0 to 3 and 4 to 7; of the last four the low four bits
/// share bytes 8 to 11, the high two lie on top of bytes 0 to 7.
/// <code>| d: 2 | e: 2 | s and m: 12 | q |</code>
/// </summary>
internal abstract class SuperBlockFormat : WeightFormat
{
    public override int BlockElements => 256;

    public override void Decode(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        for (; !blocks.IsEmpty; blocks = blocks[BlockBytes..], values = values[BlockElements..])
        {
            var d = (float)BinaryPrimitives.ReadHalfLittleEndian(blocks);
            var e = (float)BinaryPrimitives.ReadHalfLittleEndian(blocks[2..]);
            for (var group = 0; group < 8; group++)
            {
                var scale = d * Scale(blocks.Slice(4, 12), group);
                var minimum = e * Minimum(blocks.Slice(4, 12), group);
                for (var i = 0; i < 32; i++)
                {
                    values[(group * 32) + i] = (scale * Code(blocks, group, i)) - minimum;
                }
            }
        }
    }

    /// <summary>q of weight i of a group.</summary>
    protected abstract int Code(ReadOnlySpan<byte> block, int group, int i);

    private static int Scale(ReadOnlySpan<byte> scales, int group) => group < 4
        ? scales[group] & 63
        : (scales[group + 4] & 15) | (scales[group - 4] >> 6 << 4);

    private static int Minimum(ReadOnlySpan<byte> scales, int group) => group < 4
        ? scales[group + 4] & 63
        : (scales[group + 4] >> 4) | (scales[group] >> 6 << 4);
}
