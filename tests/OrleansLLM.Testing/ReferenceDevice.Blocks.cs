using OrleansLLM.Compute;

namespace OrleansLLM.Testing;

public sealed partial class ReferenceDevice
{
    public KvCache AllocateKv(KvGeometry geometry, int blocks)
    {
        var cache = new ReferenceKv(geometry, blocks);
        for (var block = 0; block < blocks; block++)
        {
            // A slot that is read before it was written shows at once.
            cache.Block(block).Fill(float.NaN);
        }

        return cache;
    }

    public HostBlocks AllocateHostBlocks(KvGeometry geometry, int blocks) => new ReferenceHostBlocks(geometry, blocks);

    public void CopyBlocks(KvCache cache, ReadOnlySpan<BlockCopy> copies)
    {
        var memory = (ReferenceKv)cache;
        var geometry = cache.Geometry;
        foreach (var copy in copies)
        {
            for (var layer = 0; layer < geometry.LayersPerBlock; layer++)
            {
                for (var slot = 0; slot < copy.Slots; slot++)
                {
                    for (var head = 0; head < geometry.Heads; head++)
                    {
                        memory.Key(copy.From, layer, slot, head).CopyTo(memory.Key(copy.To, layer, slot, head));
                        memory.Value(copy.From, layer, slot, head).CopyTo(memory.Value(copy.To, layer, slot, head));
                    }
                }
            }
        }
    }

    public Transfer MoveToHost(KvCache cache, HostBlocks host, ReadOnlySpan<BlockMove> moves)
    {
        foreach (var move in moves)
        {
            ((ReferenceKv)cache).Block(move.Block).CopyTo(((ReferenceHostBlocks)host).Block(move.HostBlock));
        }

        return default;
    }

    public Transfer MoveFromHost(KvCache cache, HostBlocks host, ReadOnlySpan<BlockMove> moves)
    {
        foreach (var move in moves)
        {
            ((ReferenceHostBlocks)host).Block(move.HostBlock).CopyTo(((ReferenceKv)cache).Block(move.Block));
        }

        return default;
    }

    public bool IsCompleted(Transfer transfer) => true;
}
