using System.Buffers.Binary;

namespace OrleansLLM.Compute.Formats;

/// <summary>
/// 32 weights: scale d (half), 16 bytes of 4-bit q, weight i in the low half of byte i, weight i + 16 in the high half;
/// w = (q − 8) · d.
/// <code>| d: 2 | q: 16 |</code>
/// </summary>
internal sealed class Q4_0 : WeightFormat
{
    public override string Name => "Q4_0";

    public override int BlockElements => 32;

    public override int BlockBytes => 18;

    public override void Decode(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        for (; !blocks.IsEmpty; blocks = blocks[BlockBytes..], values = values[BlockElements..])
        {
            var d = (float)BinaryPrimitives.ReadHalfLittleEndian(blocks);
            for (var i = 0; i < 16; i++)
            {
                values[i] = ((blocks[2 + i] & 15) - 8) * d;
                values[i + 16] = ((blocks[2 + i] >> 4) - 8) * d;
            }
        }
    }
}
