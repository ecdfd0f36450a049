using System.Buffers.Binary;

namespace OrleansLLM.Compute.Formats;

/// <summary>The upper half of a float32.</summary>
internal sealed class BF16 : WeightFormat
{
    public override string Name => "BF16";

    public override int BlockElements => 1;

    public override int BlockBytes => 2;

    public override void Decode(ReadOnlySpan<byte> blocks, Span<float> values)
    {
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = BitConverter.UInt32BitsToSingle((uint)BinaryPrimitives.ReadUInt16LittleEndian(blocks[(i * 2)..]) << 16);
        }
    }
}
