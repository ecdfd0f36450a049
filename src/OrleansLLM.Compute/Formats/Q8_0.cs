using System.Buffers.Binary;

namespace OrleansLLM.Compute.Formats;

/// <summary>
/// 32 weights: scale d (half), 32 signed bytes q; w = q · d.
/// <code>| d: 2 | q: 32 |</code>
/// </summary>
internal sealed class Q8_0 : WeightFormat
{
    public override string Name => "Q8_0";

    public override int BlockElements => 32;

    public override int BlockBytes => 34;

    public override void Decode(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        for (; !blocks.IsEmpty; blocks = blocks[BlockBytes..], values = values[BlockElements..])
        {
            var d = (float)BinaryPrimitives.ReadHalfLittleEndian(blocks);
            for (var i = 0; i < 32; i++)
            {
                values[i] = (sbyte)blocks[2 + i] * d;
            }
        }
    }
}
