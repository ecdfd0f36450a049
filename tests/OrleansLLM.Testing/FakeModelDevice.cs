using OrleansLLM.Compute;

namespace OrleansLLM.Testing;

/// <summary>
/// The device of <see cref="FakeModel"/>: draws as the reference device does (greedy rows without allocating), and moves blocks as late
/// as it may, so that an engine that uses a block too early reads rubbish.
/// </summary>
/// <param name="transferPolls">How often a transfer is asked for before it is complete; its bytes move at that moment.</param>
public sealed class FakeModelDevice(int transferPolls = 0, PreemptionCost cheaperPreemption = PreemptionCost.RecomputeIsCheaper) : IDevice
{
    private readonly ReferenceDevice _reference = new();
    private readonly Dictionary<long, Move> _moves = [];
    private readonly float[] _adjusted = new float[1 << 16];
    private long _tickets;

    public DeviceDescription Description { get; } = new("fake", "fake", BatchDeterminism.RowsIndependent, cheaperPreemption);

    public Tensor Allocate(int rows, int columns) => _reference.Allocate(rows, columns);

    public KvCache AllocateKv(KvGeometry geometry, int blocks) => new FakeKv(geometry, blocks);

    public HostBlocks AllocateHostBlocks(KvGeometry geometry, int blocks) => new FakeHost(geometry, blocks);

    public void Sample(Tensor logits, SamplingPlan plan, Span<int> tokens)
    {
        for (var row = 0; row < plan.Rows; row++)
        {
            if (plan.Temperature[row] != 0)
            {
                _reference.Sample(logits, plan, tokens);
                return;
            }
        }

        for (var row = 0; row < plan.Rows; row++)
        {
            tokens[row] = ReferenceDevice.AreNumbers(ReferenceDevice.Row(logits, row)) ? TakeBest(logits, plan, row) : SamplingPlan.BrokenLogits;
        }
    }

    /// <summary>As the reference device, without allocating.</summary>
    public void Logprobs(Tensor logits, ReadOnlySpan<int> chosen, ReadOnlySpan<int> top, int firstRow, LogprobResult to)
    {
        for (var row = 0; row < chosen.Length; row++)
        {
            if (top[row] >= 0 && !ReferenceDevice.AreNumbers(ReferenceDevice.Row(logits, row)))
            {
                to.Chosen[firstRow + row] = float.NaN;
            }
            else if (top[row] >= 0)
            {
                Score(ReferenceDevice.Row(logits, row), chosen[row], top[row], firstRow + row, to);
            }
        }
    }

    /// <summary>Last copy first: they may not depend on each other.</summary>
    public void CopyBlocks(KvCache cache, ReadOnlySpan<BlockCopy> copies)
    {
        for (var i = copies.Length - 1; i >= 0; i--)
        {
            var kv = (FakeKv)cache;
            kv.Block(copies[i].From)[..copies[i].Slots].CopyTo(kv.Block(copies[i].To));
        }
    }

    /// <summary>The transfer of this number, counted from 1, throws where it starts.</summary>
    public int? FailingStart { get; set; }

    /// <summary>The transfer of this number, counted from 1, throws where it is asked for, and moves nothing.</summary>
    public int? FailingCompletion { get; set; }

    public Transfer MoveToHost(KvCache cache, HostBlocks host, ReadOnlySpan<BlockMove> moves) =>
        Start(moves, move => ((FakeKv)cache).Block(move.Block).CopyTo(((FakeHost)host).Block(move.HostBlock)));

    public Transfer MoveFromHost(KvCache cache, HostBlocks host, ReadOnlySpan<BlockMove> moves) =>
        Start(moves, move => ((FakeHost)host).Block(move.HostBlock).CopyTo(((FakeKv)cache).Block(move.Block)));

    public bool IsCompleted(Transfer transfer)
    {
        if (transfer.Ticket == FailingCompletion)
        {
            _moves.Remove(transfer.Ticket);
            throw new InvalidOperationException("no such bus");
        }

        var move = _moves[transfer.Ticket];
        if (move.Polls-- > 0)
        {
            return false;
        }

        foreach (var block in move.Blocks)
        {
            move.Apply(block);
        }

        _moves.Remove(transfer.Ticket);
        return true;
    }

    public Weight Load(LinearSource source) => throw Unused();

    public ExpertWeights LoadExperts(IReadOnlyList<LinearSource> experts) => throw Unused();

    public NormWeight LoadNorm(NormKind kind, float epsilon, ReadOnlySpan<float> scale, ReadOnlySpan<float> bias) => throw Unused();

    public void Upload(ReadOnlySpan<float> from, Tensor to) => throw Unused();

    public void Download(Tensor from, Span<float> to) => throw Unused();

    public void Embed(ReadOnlySpan<int> ids, Weight table, float scale, Tensor to) => throw Unused();

    public void Add(Tensor x, Tensor to) => throw Unused();

    public void Norm(Tensor x, NormWeight weight, Tensor to) => throw Unused();

    public void AddNorm(Tensor x, Tensor residual, NormWeight weight, Tensor to) => throw Unused();

    public void Linear(Tensor x, Weight weight, Tensor to) => throw Unused();

    public void RotateAndStore(
        Tensor qkv, in AttentionShape shape, NormWeight? queryNorm, NormWeight? keyNorm, RopePlan? rope, AttentionPlan plan, KvLayer layer) => throw Unused();

    public void Attend(Tensor q, in AttentionShape shape, AttentionPlan plan, KvLayer layer, Tensor to) => throw Unused();

    public void ActivateGated(Tensor gateUp, Activation activation, Tensor to) => throw Unused();

    public void Activate(Tensor x, Activation activation) => throw Unused();

    public void Route(Tensor logits, in RoutingShape shape, ExpertPlan to) => throw Unused();

    public void ExpertMlp(Tensor x, ExpertWeights gateUp, ExpertWeights down, Activation activation, ExpertPlan plan, Tensor to) => throw Unused();

    public void Logits(Tensor x, ReadOnlySpan<int> rows, Weight head, float softCap, Tensor to) => throw Unused();

    public void Dispose() => _reference.Dispose();

    private int TakeBest(Tensor logits, SamplingPlan plan, int row)
    {
        var adjusted = _adjusted.AsSpan(0, logits.Columns);
        ReferenceDevice.Row(logits, row).CopyTo(adjusted);
        ReferenceDevice.AdjustInPlace(adjusted, plan, row);
        var best = FakeModel.ArgMax(adjusted);
        return float.IsNegativeInfinity(adjusted[best]) ? SamplingPlan.NothingAllowed : best;
    }

    private Transfer Start(ReadOnlySpan<BlockMove> moves, Action<BlockMove> apply)
    {
        if (++_tickets == FailingStart)
        {
            throw new InvalidOperationException("no such bus");
        }

        _moves.Add(_tickets, new Move(moves.ToArray(), apply, transferPolls));
        return new Transfer(_tickets);
    }

    private void Score(ReadOnlySpan<float> values, int chosen, int top, int at, LogprobResult to)
    {
        var (total, rank) = (0.0, 1);
        foreach (var value in values)
        {
            total += Math.Exp(value);
            rank += value > values[chosen] ? 1 : 0;
        }

        total = Math.Log(total);
        (to.Chosen[at], to.Rank[at]) = ((float)(values[chosen] - total), rank);
        var left = _adjusted.AsSpan(0, values.Length);
        values.CopyTo(left);
        for (var i = 0; i < top; i++)
        {
            var best = FakeModel.ArgMax(left);
            to.TopIds[(at * to.MaxTop) + i] = best;
            to.TopLogprobs[(at * to.MaxTop) + i] = (float)(values[best] - total);
            left[best] = float.NegativeInfinity;
        }
    }

    private static NotSupportedException Unused() => new("The fake model needs no such operation.");

    private sealed class Move(BlockMove[] blocks, Action<BlockMove> apply, int polls)
    {
        public BlockMove[] Blocks { get; } = blocks;

        public Action<BlockMove> Apply { get; } = apply;

        public int Polls { get; set; } = polls;
    }

    private sealed class FakeHost(KvGeometry geometry, int blocks) : HostBlocks
    {
        private readonly ulong[] _slots = new ulong[blocks * geometry.BlockSize];

        public override KvGeometry Geometry { get; } = geometry;

        public override int Blocks { get; } = blocks;

        public override long ByteLength => Blocks * Geometry.BytesPerBlock;

        public Span<ulong> Block(int block) => _slots.AsSpan(block * Geometry.BlockSize, Geometry.BlockSize);

        protected override void Dispose(bool disposing)
        {
        }
    }
}
