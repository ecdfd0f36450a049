namespace OrleansLLM.Compute;

/// <summary>
/// The shape of a cache block. A block holds <see cref="BlockSize"/> slots of <see cref="LayersPerBlock"/> layers, so a
/// block of any cache group takes the same bytes and all groups share one space of ids:
/// <code>
/// block b:  | layer 0 of its group: K, V | layer 1: K, V | … | layer LayersPerBlock - 1 |
/// </code>
/// </summary>
/// <param name="BlockSize">Slots (token positions) a block.</param>
/// <param name="LayersPerBlock">Layers of one cache group.</param>
/// <param name="Heads">Key and value heads a layer.</param>
/// <param name="KeyWidth">Numbers a key head.</param>
/// <param name="ValueWidth">Numbers a value head.</param>
/// <param name="Type">How they are kept; keys and values are rounded to it before any use.</param>
public sealed record KvGeometry(int BlockSize, int LayersPerBlock, int Heads, int KeyWidth, int ValueWidth, ElementType Type)
{
    public int BytesPerSlot => LayersPerBlock * Heads * (KeyWidth + ValueWidth) * (Type == ElementType.Float32 ? 4 : 2);

    public long BytesPerBlock => (long)BytesPerSlot * BlockSize;
}

/// <summary>All blocks of one engine on a device. Pages of blocks that were never written stay untouched.</summary>
public abstract class KvCache : DeviceMemory
{
    public abstract KvGeometry Geometry { get; }

    public abstract int Blocks { get; }
}

/// <summary>Room for blocks in host memory, where preempted sequences are swapped to.</summary>
public abstract class HostBlocks : DeviceMemory
{
    public abstract KvGeometry Geometry { get; }

    public abstract int Blocks { get; }
}

/// <summary>One layer's part of every block.</summary>
/// <param name="Index">The layer's index inside its cache group, 0 to LayersPerBlock - 1.</param>
public readonly record struct KvLayer(KvCache Cache, int Index);

/// <summary>Copies the first <paramref name="Slots"/> slots of a block, all layers (copy-on-write of a partial block).</summary>
public readonly record struct BlockCopy(int From, int To, int Slots);

/// <summary>Moves one block between the cache and host memory, unchanged bit for bit.</summary>
public readonly record struct BlockMove(int Block, int HostBlock);

/// <summary>A move under way; <see cref="IDevice.IsCompleted"/> tells when the block may be used.</summary>
public readonly record struct Transfer(long Ticket);
