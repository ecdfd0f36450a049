using System.Buffers.Binary;

namespace OrleansLLM.Compute.Formats;

/// <summary>
/// 256 weights in eight groups of 32, each with a 6-bit scale s and minimum m; super-scales d and e (halves);
/// w = d · s · q − e · m. Groups 2k and 2k + 1 share 32 bytes: low halves, then high halves.
/// <code>| d: 2 | e: 2 | s and m: 12 | q: 128 |</code>
/// </summary>
internal sealed class Q4_K : WeightFormat
{
    public override string Name => "Q4_K";

    public override int BlockElements => 256;

    public override int BlockBytes => 144;

    public override void Decode(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        for (; !blocks.IsEmpty; blocks = blocks[BlockBytes..], values = values[BlockElements..])
        {
            var d = (float)BinaryPrimitives.ReadHalfLittleEndian(blocks);
            var e = (float)BinaryPrimitives.ReadHalfLittleEndian(blocks[2..]);
            for (var group = 0; group < 8; group++)
            {
                var scale = d * KScales.Scale(blocks.Slice(4, 12), group);
                var minimum = e * KScales.Minimum(blocks.Slice(4, 12), group);
                for (var i = 0; i < 32; i++)
                {
                    var q = (blocks[16 + (group / 2 * 32) + i] >> (group % 2 * 4)) & 15;
                    values[(group * 32) + i] = (scale * q) - minimum;
                }
            }
        }
    }
}
