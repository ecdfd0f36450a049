using OrleansLLM.Compute;

namespace OrleansLLM.Testing;

/// <summary>Activations of the reference device.</summary>
internal sealed class ReferenceMemory(long floats) : DeviceMemory
{
    public float[] Data { get; } = new float[floats];

    public override long ByteLength => Data.Length * 4L;

    protected override void Dispose(bool disposing)
    {
    }
}

/// <summary>A matrix, decoded wholly: [outputs, inputs].</summary>
internal sealed class ReferenceWeight : Weight
{
    public ReferenceWeight(LinearSource source)
    {
        Inputs = source.Inputs;
        Outputs = source.Outputs;
        Values = new float[(long)Inputs * Outputs];
        Bias = source.Bias.ToArray();
        var row = 0;
        foreach (var part in source.Parts)
        {
            for (var i = 0; i < part.Rows; i++)
            {
                part.Format.Decode(part.Row(i), Values.AsSpan(row++ * Inputs, Inputs));
            }
        }
    }

    public float[] Values { get; }

    public float[] Bias { get; }

    public override int Inputs { get; }

    public override int Outputs { get; }

    public override long ByteLength => Values.Length * 4L;

    public ReadOnlySpan<float> Row(int output) => Values.AsSpan(output * Inputs, Inputs);

    protected override void Dispose(bool disposing)
    {
    }
}

internal sealed class ReferenceExperts(IReadOnlyList<LinearSource> sources) : ExpertWeights
{
    public ReferenceWeight[] Weights { get; } = [.. sources.Select(source => new ReferenceWeight(source))];

    public override int Experts => Weights.Length;

    public override int Inputs => Weights[0].Inputs;

    public override int Outputs => Weights[0].Outputs;

    public override long ByteLength => Weights.Sum(weight => weight.ByteLength);

    protected override void Dispose(bool disposing)
    {
    }
}

internal sealed class ReferenceNorm(NormKind kind, float epsilon, float[] scale, float[] bias) : NormWeight
{
    public float Epsilon { get; } = epsilon;

    public float[] Scale { get; } = scale;

    public float[] Bias { get; } = bias;

    public override NormKind Kind { get; } = kind;

    public override int Width => Scale.Length;

    public override long ByteLength => Scale.Length * 4L;

    protected override void Dispose(bool disposing)
    {
    }
}

/// <summary>
/// Keys and values as floats that were rounded to the cache's type: per block, layer, slot and head the key, then the value.
/// </summary>
internal sealed class ReferenceKv(KvGeometry geometry, int blocks) : KvCache
{
    private readonly float[] _data = new float[blocks * BlockFloats(geometry)];

    public override KvGeometry Geometry { get; } = geometry;

    public override int Blocks { get; } = blocks;

    public override long ByteLength => Blocks * Geometry.BytesPerBlock;

    public Span<float> Key(int block, int layer, int slot, int head) => Head(block, layer, slot, head)[..Geometry.KeyWidth];

    public Span<float> Value(int block, int layer, int slot, int head) => Head(block, layer, slot, head)[Geometry.KeyWidth..];

    public Span<float> Block(int block) => _data.AsSpan((int)(block * BlockFloats(Geometry)), (int)BlockFloats(Geometry));

    public static long BlockFloats(KvGeometry geometry) =>
        (long)geometry.BlockSize * geometry.LayersPerBlock * geometry.Heads * (geometry.KeyWidth + geometry.ValueWidth);

    protected override void Dispose(bool disposing)
    {
    }

    private Span<float> Head(int block, int layer, int slot, int head)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(block);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(block, Blocks);
        var width = Geometry.KeyWidth + Geometry.ValueWidth;
        var index = (((((long)block * Geometry.LayersPerBlock) + layer) * Geometry.BlockSize) + slot) * Geometry.Heads;
        return _data.AsSpan((int)((index + head) * width), width);
    }
}

internal sealed class ReferenceHostBlocks(KvGeometry geometry, int blocks) : HostBlocks
{
    private readonly float[] _data = new float[blocks * ReferenceKv.BlockFloats(geometry)];

    public override KvGeometry Geometry { get; } = geometry;

    public override int Blocks { get; } = blocks;

    public override long ByteLength => Blocks * Geometry.BytesPerBlock;

    public Span<float> Block(int block) =>
        _data.AsSpan((int)(block * ReferenceKv.BlockFloats(Geometry)), (int)ReferenceKv.BlockFloats(Geometry));

    protected override void Dispose(bool disposing)
    {
    }
}
