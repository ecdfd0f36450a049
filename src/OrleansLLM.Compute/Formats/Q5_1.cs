using System.Buffers.Binary;

namespace OrleansLLM.Compute.Formats;

/// <summary>
/// 32 weights: scale d and least value m (halves), the fifth bits h (bit i for weight i), 16 bytes of the lower four bits as in
/// Q4_0; w = q · d + m.
/// <code>| d: 2 | m: 2 | h: 4 | q: 16 |</code>
/// </summary>
internal sealed class Q5_1 : WeightFormat
{
    public override string Name => "Q5_1";

    public override int BlockElements => 32;

    public override int BlockBytes => 24;

    public override void Decode(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        for (; !blocks.IsEmpty; blocks = blocks[BlockBytes..], values = values[BlockElements..])
        {
            var d = (float)BinaryPrimitives.ReadHalfLittleEndian(blocks);
            var m = (float)BinaryPrimitives.ReadHalfLittleEndian(blocks[2..]);
            var high = BinaryPrimitives.ReadUInt32LittleEndian(blocks[4..]);
            for (var i = 0; i < 16; i++)
            {
                values[i] = (((blocks[8 + i] & 15) + ((int)(high >> i & 1) << 4)) * d) + m;
                values[i + 16] = (((blocks[8 + i] >> 4) + ((int)(high >> (i + 16) & 1) << 4)) * d) + m;
            }
        }
    }
}
