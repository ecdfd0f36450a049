using System.Buffers.Binary;

namespace OrleansLLM.Compute.Formats;

/// <summary>
/// 32 weights: scale d and least value m (halves), 16 bytes of 4-bit q as in Q4_0; w = q · d + m.
/// <code>| d: 2 | m: 2 | q: 16 |</code>
/// </summary>
internal sealed class Q4_1 : WeightFormat
{
    public override string Name => "Q4_1";

    public override int BlockElements => 32;

    public override int BlockBytes => 20;

    public override void Decode(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        for (; !blocks.IsEmpty; blocks = blocks[BlockBytes..], values = values[BlockElements..])
        {
            var d = (float)BinaryPrimitives.ReadHalfLittleEndian(blocks);
            var m = (float)BinaryPrimitives.ReadHalfLittleEndian(blocks[2..]);
            for (var i = 0; i < 16; i++)
            {
                values[i] = ((blocks[4 + i] & 15) * d) + m;
                values[i + 16] = ((blocks[4 + i] >> 4) * d) + m;
            }
        }
    }
}
