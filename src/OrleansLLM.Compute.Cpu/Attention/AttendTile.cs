using OrleansLLM.Compute.Cpu.Linears;

namespace OrleansLLM.Compute.Cpu.Attention;

/// <summary>Up to 8 pairs (row, query head) of one sequence and key head: pair i is row i / group, head i % group.</summary>
internal readonly struct AttendTile
{
    private readonly AttentionPlan _plan;
    private readonly int _firstPair;
    private readonly int _group;
    private readonly int _sequence;
    private readonly int _window;

    public AttendTile(int sequence, int keyHead, int tile, in AttentionShape shape, AttentionPlan plan)
    {
        _plan = plan;
        _sequence = sequence;
        _group = shape.Heads / shape.KeyHeads;
        _window = shape.Window;
        _firstPair = tile * InputTiles.Rows;
        KeyHead = keyHead;
        var pairs = (plan.QueryStarts[sequence + 1] - plan.QueryStarts[sequence]) * _group;
        (Used, Width) = (InputTiles.Used(tile, pairs), InputTiles.Width(tile, pairs));
        FirstKey = Visible(0).First;
        LastKey = Visible(Used - 1).Last;
    }

    public int KeyHead { get; }

    /// <summary>Pairs that exist, and pairs that are computed.</summary>
    public int Used { get; }

    public int Width { get; }

    /// <summary>The first and last key that any pair sees.</summary>
    public int FirstKey { get; }

    public int LastKey { get; }

    public int Row(int pair) => _plan.QueryStarts[_sequence] + ((_firstPair + pair) / _group);

    public int Head(int pair) => (KeyHead * _group) + ((_firstPair + pair) % _group);

    public (int First, int Last) Visible(int pair)
    {
        var position = _plan.FirstPositions[_sequence] + ((_firstPair + pair) / _group);
        return (_window == 0 ? 0 : Math.Max(0, position - _window + 1), position);
    }

    public int Block(int position) => _plan.BlockTables[_plan.TableStarts[_sequence] + (position / _plan.BlockSize)];
}
