using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using OrleansLLM.Compute.Cpu.Elementwise;
using OrleansLLM.Compute.Cpu.Linears;
using OrleansLLM.Compute.Cpu.Simd;
using OrleansLLM.Compute.Cpu.Threads;

namespace OrleansLLM.Compute.Cpu.Attention;

/// <summary>What a step's attention reads and writes.</summary>
internal readonly unsafe struct AttendOperands(float* queries, long queryStride, float* outputs, long outputStride)
{
    public float* Query(int row) => queries + (row * queryStride);

    public float* Output(int row) => outputs + (row * outputStride);
}

/// <summary>
/// An item is a sequence's tile of up to 8 (query row, head) pairs that share a key head. Keys are taken in chunks of 256 that begin at
/// multiples of 256: each chunk has a softmax of its own, and chunks combine in order (Milakov, Gimelshein, "Online normalizer calculation
/// for softmax", 2018), so a row's bits depend on its position alone. Never more than a chunk of scores exists.
/// </summary>
internal readonly unsafe struct AttendJob<TElement, TSimd, TVector>(
    AttendOperands operands, AttentionShape shape, AttentionPlan plan, KvLayer layer, AttendRooms rooms) : IJob
    where TElement : struct, IKvElement
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    public void Run(int item, int worker)
    {
        var (sequence, keyHead, tile) = rooms.Find(item, shape, plan);
        var work = new AttendTile(sequence, keyHead, tile, shape, plan);
        var room = rooms.Of(worker);
        PackQueries(work, room);
        room.Reset(work.Used);
        for (var chunk = work.FirstKey / AttendRooms.ChunkKeys; chunk <= work.LastKey / AttendRooms.ChunkKeys; chunk++)
        {
            var start = chunk * AttendRooms.ChunkKeys;
            var first = Math.Max(start, work.FirstKey);
            var end = Math.Min(start + AttendRooms.ChunkKeys, work.LastKey + 1);
            Score(work, room, start, first, end);
            for (var row = 0; row < work.Used; row++)
            {
                var (from, to) = work.Visible(row);
                var keys = new ChunkKeys(first - start, end - start, Math.Max(from, start) - start, Math.Min(to + 1, end) - start);
                (room.ChunkMaxima[row], room.ChunkSums[row]) = SoftMaxKernel<TSimd, TVector>.Run(
                    room.Scores + (row * CpuKvCache.PanelSlots), work.Width * CpuKvCache.PanelSlots, keys, shape.Scale, shape.SoftCap);
            }

            AddValues(work, room, start, first, end);
            Combine(work.Used, room);
        }

        Write(work, room);
    }

    /// <summary>Queries as [width][rows of the tile]; rows that do not exist are zero.</summary>
    private void PackQueries(in AttendTile work, in AttendRoom room)
    {
        if (work.Used < work.Width)
        {
            NativeMemory.Clear(room.Queries, (nuint)(sizeof(float) * shape.KeyWidth * work.Width));
        }

        for (var row = 0; row < work.Used; row++)
        {
            var query = operands.Query(work.Row(row)) + (work.Head(row) * shape.KeyWidth);
            for (var i = 0; i < shape.KeyWidth; i++)
            {
                room.Queries[(i * work.Width) + row] = query[i];
            }
        }
    }

    private void Score(in AttendTile work, in AttendRoom room, int start, int first, int end)
    {
        for (var key = first & ~(CpuKvCache.PanelSlots - 1); key < end; key += CpuKvCache.PanelSlots)
        {
            var scores = room.Scores + ((key - start) * work.Width);
            TElement.Score<TSimd, TVector>(KeyPanel(work, room, key, end), room.Queries, shape.KeyWidth, work.Width, scores);
        }
    }

    private byte* KeyPanel(in AttendTile work, in AttendRoom room, int key, int end)
    {
        var cache = (CpuKvCache)layer.Cache;
        var bytes = CpuKvCache.PanelSlots * shape.KeyWidth * TElement.Bytes;
        if (cache.KeysInPanels)
        {
            var keys = cache.Keys(work.Block(key), layer.Index, work.KeyHead);
            return keys + (key % plan.BlockSize / CpuKvCache.PanelSlots * bytes);
        }

        return (byte*)GatherKeys(cache, work, room, key, end);
    }

    /// <summary>Puts 16 keys of blocks of any size into a panel; those outside what is needed stay as they are, and are masked.</summary>
    private byte* GatherKeys(CpuKvCache cache, in AttendTile work, in AttendRoom room, int key, int end)
    {
        var values = stackalloc float[shape.KeyWidth];
        for (var lane = 0; lane < CpuKvCache.PanelSlots; lane++)
        {
            var position = key + lane;
            if (position < work.FirstKey || position >= end)
            {
                continue;
            }

            var from = cache.Keys(work.Block(position), layer.Index, work.KeyHead);
            from += position % plan.BlockSize * shape.KeyWidth * TElement.Bytes;
            for (var i = 0; i < shape.KeyWidth; i++)
            {
                values[i] = TElement.Read(from + (i * TElement.Bytes));
            }

            KeyPlaces<TElement>.Write(room.Keys, true, lane, values, shape.KeyWidth);
        }

        return room.Keys;
    }

    private void AddValues(in AttendTile work, in AttendRoom room, int start, int first, int end)
    {
        var cache = (CpuKvCache)layer.Cache;
        NativeMemory.Clear(room.ChunkOutputs, (nuint)(sizeof(float) * InputTiles.Rows * room.Width));
        for (var key = first; key < end;)
        {
            var slot = key % plan.BlockSize;
            var lane = key % CpuKvCache.PanelSlots;
            var count = Math.Min(Math.Min(end - key, plan.BlockSize - slot), CpuKvCache.PanelSlots - lane);
            var weights = room.Scores + ((key - start - lane) * work.Width) + lane;
            var values = cache.Values(work.Block(key), layer.Index, work.KeyHead) + ((long)slot * shape.ValueWidth * TElement.Bytes);
            ValueKernel<TElement, TSimd, TVector>.Run(
                values, shape.ValueWidth, weights, count, room.ChunkOutputs, room.Width, work.Width);
            key += count;
        }
    }

    /// <summary>outputs = outputs · e^(old maximum - new) + chunk · e^(chunk's maximum - new), and so the sums.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Combine(int rows, in AttendRoom room)
    {
        for (var row = 0; row < rows; row++)
        {
            var (maximum, chunk) = (room.Maxima[row], room.ChunkMaxima[row]);
            if (room.ChunkSums[row] == 0)
            {
                continue; // it sees none of these keys
            }

            var both = Math.Max(maximum, chunk);
            var (old, add) = (Exp(maximum - both), Exp(chunk - both));
            room.Maxima[row] = both;
            room.Sums[row] = MathF.FusedMultiplyAdd(room.ChunkSums[row], add, room.Sums[row] * old);
            var (outputs, chunkOutputs) = (row * room.Width, row * room.Width);
            ElementwiseLoop<Blend, TSimd, TVector>.Run(
                new Blend(old, add), room.Outputs + outputs, room.ChunkOutputs + chunkOutputs, room.Outputs + outputs, room.Width);
        }
    }

    private void Write(in AttendTile work, in AttendRoom room)
    {
        for (var row = 0; row < work.Used; row++)
        {
            var to = operands.Output(work.Row(row)) + (work.Head(row) * shape.ValueWidth);
            var outputs = room.Outputs + (row * room.Width);
            ElementwiseLoop<ScaleFunction<TSimd, TVector>, TSimd, TVector>.Run(
                new(1 / room.Sums[row]), outputs, outputs, to, shape.ValueWidth);
        }
    }

    /// <summary>left · old + right · add.</summary>
    private readonly struct Blend(float old, float add) : IElementwise<TVector>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public TVector Apply(TVector left, TVector right) =>
            TSimd.Fma(right, TSimd.Broadcast(add), TSimd.Multiply(left, TSimd.Broadcast(old)));
    }

    private static float Exp(float x)
    {
        var lanes = stackalloc float[16];
        TSimd.Store(VectorMath<TSimd, TVector>.Exp(TSimd.Broadcast(x)), lanes);
        return lanes[0];
    }
}
