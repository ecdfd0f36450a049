using OrleansLLM.Compute.Cpu.Memory;

namespace OrleansLLM.Compute.Cpu.Attention;

/// <summary>
/// All blocks of an engine; pages are untouched until written. Inside a block, layer after layer:
/// <code>
/// | key head 0 | key head 1 | … | value head 0 | value head 1 | … |
/// value head: [slot][width]
/// key head:   16 slots at a time as a panel of the linear kernels: [width / 2][16 slots][2], or [width][16 slots] in float32,
///             so that 16 scores fill the lanes without a sum across them; [slot][width] where the block size is no multiple of 16
/// </code>
/// </summary>
internal sealed unsafe class CpuKvCache : KvCache
{
    public const int PanelSlots = 16;

    private const int ReadAhead = 64;

    private readonly NativeMemoryBlock _block;

    public CpuKvCache(KvGeometry geometry, int blocks)
    {
        Geometry = geometry;
        Blocks = blocks;
        ElementBytes = geometry.Type == ElementType.Float32 ? 4 : 2;
        KeysInPanels = geometry.BlockSize % PanelSlots == 0 && geometry.KeyWidth % 2 == 0;
        _block = new NativeMemoryBlock((geometry.BytesPerBlock * blocks) + ReadAhead, PageUse.Sparse);
    }

    public override KvGeometry Geometry { get; }

    public override int Blocks { get; }

    public override long ByteLength => _block.ByteLength;

    public int ElementBytes { get; }

    public bool KeysInPanels { get; }

    public byte* Block(int block) => _block.Pointer + (block * Geometry.BytesPerBlock);

    public byte* Keys(int block, int layer, int head) =>
        Layer(block, layer) + ((long)head * Geometry.BlockSize * Geometry.KeyWidth * ElementBytes);

    public byte* Values(int block, int layer, int head)
    {
        var keys = (long)Geometry.Heads * Geometry.BlockSize * Geometry.KeyWidth;
        return Layer(block, layer) + ((keys + ((long)head * Geometry.BlockSize * Geometry.ValueWidth)) * ElementBytes);
    }

    protected override void Dispose(bool disposing) => _block.Dispose();

    private byte* Layer(int block, int layer)
    {
        var bytes = (long)Geometry.BlockSize * Geometry.Heads * (Geometry.KeyWidth + Geometry.ValueWidth) * ElementBytes;
        return Block(block) + (layer * bytes);
    }
}

/// <summary>Blocks that were moved out, byte for byte.</summary>
internal sealed unsafe class CpuHostBlocks(KvGeometry geometry, int blocks) : HostBlocks
{
    private readonly NativeMemoryBlock _block = new(geometry.BytesPerBlock * blocks, PageUse.Sparse);

    public override KvGeometry Geometry => geometry;

    public override int Blocks => blocks;

    public override long ByteLength => _block.ByteLength;

    public byte* Block(int block) => _block.Pointer + (block * geometry.BytesPerBlock);

    protected override void Dispose(bool disposing) => _block.Dispose();
}
