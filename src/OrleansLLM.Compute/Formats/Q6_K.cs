using System.Buffers.Binary;

namespace OrleansLLM.Compute.Formats;

/// <summary>
/// 256 weights in sixteen groups of 16, each with a signed 8-bit scale s; super-scale d (half); w = d · s · (q − 32). Weights come in two
/// halves of 128: of weight 32k + i of a half, the low four bits lie in byte 32 · (k % 2) + i of its 64 bytes of l
/// (k below 2: low halves, else high halves), the high two bits are bits 2k and 2k + 1 of byte i of its 32 bytes of h.
/// <code>| l: 128 | h: 64 | s: 16 | d: 2 |</code>
/// </summary>
internal sealed class Q6_K : WeightFormat
{
    public override string Name => "Q6_K";

    public override int BlockElements => 256;

    public override int BlockBytes => 210;

    public override void Decode(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        for (; !blocks.IsEmpty; blocks = blocks[BlockBytes..], values = values[BlockElements..])
        {
            var d = (float)BinaryPrimitives.ReadHalfLittleEndian(blocks[208..]);
            for (var weight = 0; weight < 256; weight++)
            {
                var (half, k, i) = (weight / 128, weight / 32 % 4, weight % 32);
                var low = (blocks[(half * 64) + (k % 2 * 32) + i] >> (k / 2 * 4)) & 15;
                var high = (blocks[128 + (half * 32) + i] >> (k * 2)) & 3;
                var scale = d * (sbyte)blocks[192 + (weight / 16)];
                values[weight] = scale * ((low | high << 4) - 32);
            }
        }
    }
}
