using System.Buffers.Binary;

namespace OrleansLLM.Compute.Formats;

/// <summary>Little-endian float32.</summary>
internal sealed class F32 : WeightFormat
{
    public override string Name => "F32";

    public override int BlockElements => 1;

    public override int BlockBytes => 4;

    public override void Decode(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = BinaryPrimitives.ReadSingleLittleEndian(blocks[(i * 4)..]);
        }
    }
}
