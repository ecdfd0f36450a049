using System.Buffers.Binary;

namespace OrleansLLM.Compute.Formats;

/// <summary>
/// As Q4_K with a fifth bit: bit g of byte i of h belongs to weight i of group g.
/// <code>| d: 2 | e: 2 | s and m: 12 | h: 32 | q: 128 |</code>
/// </summary>
internal sealed class Q5_K : WeightFormat
{
    public override string Name => "Q5_K";

    public override int BlockElements => 256;

    public override int BlockBytes => 176;

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
                    var low = (blocks[48 + (group / 2 * 32) + i] >> (group % 2 * 4)) & 15;
                    var q = low | (blocks[16 + i] >> group & 1) << 4;
                    values[(group * 32) + i] = (scale * q) - minimum;
                }
            }
        }
    }
}
