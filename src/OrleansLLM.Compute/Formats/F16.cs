using System.Buffers.Binary;

namespace OrleansLLM.Compute.Formats;

/// <summary>IEEE half precision.</summary>
internal sealed class F16 : WeightFormat
{
    public override string Name => "F16";

    public override int BlockElements => 1;

    public override int BlockBytes => 2;

    public override void Decode(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = (float)BinaryPrimitives.ReadHalfLittleEndian(blocks[(i * 2)..]);
        }
    }
}
