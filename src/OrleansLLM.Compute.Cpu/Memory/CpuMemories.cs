namespace OrleansLLM.Compute.Cpu.Memory;

/// <summary>Activations: float32 rows that each begin at a multiple of 64 bytes.</summary>
internal sealed unsafe class CpuTensorMemory(long bytes) : DeviceMemory
{
    private readonly NativeMemoryBlock _block = new(bytes, PageUse.Sparse);

    public float* Pointer => (float*)_block.Pointer;

    public override long ByteLength => _block.ByteLength;

    protected override void Dispose(bool disposing) => _block.Dispose();
}

/// <summary>Scale and bias of a normalization; a missing bias is zero.</summary>
internal sealed unsafe class CpuNormWeight : NormWeight
{
    private readonly NativeMemoryBlock _block;

    public CpuNormWeight(NormKind kind, float epsilon, ReadOnlySpan<float> scale, ReadOnlySpan<float> bias)
    {
        Kind = kind;
        Epsilon = epsilon;
        Width = scale.Length;
        HasBias = !bias.IsEmpty;
        _block = new NativeMemoryBlock(2L * Room * sizeof(float), PageUse.Whole);
        scale.CopyTo(new Span<float>(Scale, Width));
        bias.CopyTo(new Span<float>(Bias, Width));
    }

    public override NormKind Kind { get; }

    public override int Width { get; }

    public float Epsilon { get; }

    public bool HasBias { get; }

    public float* Scale => (float*)_block.Pointer;

    public float* Bias => Scale + Room;

    public override long ByteLength => _block.ByteLength;

    private int Room => (Width + 15) & ~15;

    protected override void Dispose(bool disposing) => _block.Dispose();
}

/// <summary>Room that an operation needs while it runs; grows to the largest use and stays.</summary>
internal sealed unsafe class Scratch : IDisposable
{
    private NativeMemoryBlock? _block;

    public byte* Take(long bytes)
    {
        if (_block is null || _block.ByteLength < bytes)
        {
            _block?.Dispose();
            _block = new NativeMemoryBlock(Math.Max(bytes, 4096), PageUse.Sparse);
        }

        return _block.Pointer;
    }

    public void Dispose() => _block?.Dispose();
}
