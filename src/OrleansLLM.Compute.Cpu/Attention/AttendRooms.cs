using OrleansLLM.Compute.Cpu.Linears;
using OrleansLLM.Compute.Cpu.Memory;

namespace OrleansLLM.Compute.Cpu.Attention;

/// <summary>The working memory of every worker, and the items of a step.</summary>
internal sealed unsafe class AttendRooms(int workers) : IDisposable
{
    /// <summary>Keys that share a softmax; part of what defines a row's bits.</summary>
    public const int ChunkKeys = 256;

    private readonly Scratch _scratch = new();
    private int[] _firstItems = [];
    private long _bytes;
    private int _keyWidth;
    private int _valueWidth;

    /// <summary>Lays out the step's items and returns how many there are.</summary>
    public int Prepare(in AttentionShape shape, AttentionPlan plan)
    {
        (_keyWidth, _valueWidth) = (shape.KeyWidth, (shape.ValueWidth + 15) & ~15);
        var floats = (8L * (_keyWidth + 1)) + (8 * ChunkKeys) + (2 * 8 * _valueWidth) + 64 + (CpuKvCache.PanelSlots * (_keyWidth + 2L));
        _bytes = ((floats * sizeof(float)) + 127) & ~127L;
        _scratch.Take(_bytes * workers);
        if (_firstItems.Length <= plan.Sequences)
        {
            _firstItems = new int[plan.QueryStarts.Length + 1];
        }

        var group = shape.Heads / shape.KeyHeads;
        for (var sequence = 0; sequence < plan.Sequences; sequence++)
        {
            var pairs = (plan.QueryStarts[sequence + 1] - plan.QueryStarts[sequence]) * group;
            _firstItems[sequence + 1] = _firstItems[sequence] + (InputTiles.Count(pairs) * shape.KeyHeads);
        }

        return _firstItems[plan.Sequences];
    }

    /// <summary>The later tiles of a sequence see the most keys and come first.</summary>
    public (int Sequence, int KeyHead, int Tile) Find(int item, in AttentionShape shape, AttentionPlan plan)
    {
        var (low, high) = (0, plan.Sequences - 1);
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            (low, high) = _firstItems[middle] <= item ? (middle, high) : (low, middle - 1);
        }

        var left = _firstItems[low + 1] - 1 - item;
        return (low, left % shape.KeyHeads, left / shape.KeyHeads);
    }

    public AttendRoom Of(int worker) => new((float*)(_scratch.Take(0) + (worker * _bytes)), _keyWidth, _valueWidth);

    public void Dispose() => _scratch.Dispose();
}

/// <summary>One worker's memory for a tile.</summary>
internal readonly unsafe struct AttendRoom
{
    public AttendRoom(float* memory, int keyWidth, int valueWidth)
    {
        Width = valueWidth;
        Scores = memory;
        Outputs = Scores + (8 * AttendRooms.ChunkKeys);
        ChunkOutputs = Outputs + (8 * valueWidth);
        Maxima = ChunkOutputs + (8 * valueWidth);
        Sums = Maxima + 8;
        ChunkMaxima = Sums + 8;
        ChunkSums = ChunkMaxima + 8;
        Queries = ChunkSums + 8;
        Keys = (byte*)(Queries + (8 * (keyWidth + 1)));
    }

    /// <summary>Numbers of a row of outputs: the value width, rounded up to 16.</summary>
    public int Width { get; }

    /// <summary>[panel of 16 keys][row of the tile][16]: scores, then weights.</summary>
    public float* Scores { get; }

    public float* Outputs { get; }

    public float* ChunkOutputs { get; }

    public float* Maxima { get; }

    public float* Sums { get; }

    public float* ChunkMaxima { get; }

    public float* ChunkSums { get; }

    public float* Queries { get; }

    /// <summary>A panel of gathered keys.</summary>
    public byte* Keys { get; }

    public void Reset(int rows)
    {
        new Span<float>(Outputs, rows * Width).Clear();
        new Span<float>(Maxima, rows).Fill(float.NegativeInfinity);
        new Span<float>(Sums, rows).Clear();
    }
}
