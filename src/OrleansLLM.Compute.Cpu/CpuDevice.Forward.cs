using OrleansLLM.Compute.Cpu.Attention;
using OrleansLLM.Compute.Cpu.Elementwise;
using OrleansLLM.Compute.Cpu.Experts;
using OrleansLLM.Compute.Cpu.Linears;
using OrleansLLM.Compute.Cpu.Memory;
using OrleansLLM.Compute.Cpu.Sampling;
using OrleansLLM.Compute.Cpu.Simd;
using OrleansLLM.Compute.Cpu.Threads;

namespace OrleansLLM.Compute.Cpu;

/// <summary>The operations, compiled for one instruction set.</summary>
internal sealed unsafe class CpuDevice<TSimd, TVector>(CpuDeviceOptions options, string instructions) : CpuDevice(options, instructions)
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    private readonly Multiplier<TSimd, TVector> _multiplier = new(options.Threads);
    private readonly ExpertRunner<TSimd, TVector> _experts = new(options.Threads);
    private readonly RotaryTable _rotations = new();
    private readonly AttendRooms _attendRooms = new(options.Threads);
    private readonly SampleRooms _sampleRooms = new(options.Threads);

    public override Weight Load(LinearSource source) => WeightPacker<TSimd, TVector>.Pack(source, Arithmetic, LoadThreads);

    public override ExpertWeights LoadExperts(IReadOnlyList<LinearSource> experts) =>
        new CpuExpertWeights([.. experts.Select(source => WeightPacker<TSimd, TVector>.Pack(source, Arithmetic, LoadThreads))]);

    public override void Embed(ReadOnlySpan<int> ids, Weight table, float scale, Tensor to)
    {
        Require(ids.Length == to.Rows && table.Inputs == to.Columns, "embed: shapes differ");
        Require(!ids.ContainsAnyExceptInRange(0, table.Outputs - 1), "embed: an id has no row in the table");
        fixed (int* first = ids)
        {
            var job = new EmbedJob((CpuWeight)table, first, scale, Pointer(to), to.Stride);
            Run(ref job, ids.Length, to.Columns * 16);
        }
    }

    public override void Add(Tensor x, Tensor to)
    {
        Require(x.Rows == to.Rows && x.Columns == to.Columns, "add: shapes differ");
        var job = new RowsJob<AddFunction<TSimd, TVector>, TSimd, TVector>(default, Rows(x), Rows(to), Rows(to), to.Columns);
        Run(ref job, x.Rows, x.Columns);
    }

    public override void Norm(Tensor x, NormWeight weight, Tensor to)
    {
        Require(x.Rows == to.Rows && x.Columns == weight.Width && to.Columns == weight.Width, "norm: shapes differ");
        var job = new NormJob<TSimd, TVector>(default, Rows(x), (CpuNormWeight)weight, Rows(to));
        Run(ref job, x.Rows, x.Columns);
    }

    public override void AddNorm(Tensor x, Tensor residual, NormWeight weight, Tensor to)
    {
        Require(x.Rows == to.Rows && x.Columns == weight.Width && to.Columns == weight.Width, "norm: shapes differ");
        Require(residual.Rows == to.Rows && residual.Columns == weight.Width, "norm: the residual has another shape");
        var job = new NormJob<TSimd, TVector>(Rows(x), Rows(residual), (CpuNormWeight)weight, Rows(to));
        Run(ref job, x.Rows, x.Columns);
    }

    public override void Linear(Tensor x, Weight weight, Tensor to)
    {
        Require(x.Rows == to.Rows && x.Columns == weight.Inputs && to.Columns == weight.Outputs, "linear: shapes differ");
        _multiplier.Run(new InputRows(Pointer(x), x.Stride, x.Rows, null), (CpuWeight)weight, Pointer(to), to.Stride);
    }

    public override void RotateAndStore(
        Tensor qkv, in AttentionShape shape, NormWeight? queryNorm, NormWeight? keyNorm, RopePlan? rope, AttentionPlan plan, KvLayer layer)
    {
        Require(qkv.Columns == shape.QkvColumns && qkv.Rows == plan.Rows, "rotate and store: shapes differ");
        Require(plan.BlockSize == layer.Cache.Geometry.BlockSize, "rotate and store: the plan's block size is not the cache's");
        var transform = new HeadTransform(
            (CpuNormWeight?)queryNorm, (CpuNormWeight?)keyNorm, rope is null ? null : _rotations.Get(rope, qkv.Rows), rope?.Half ?? 0);
        if (layer.Cache.Geometry.Type == ElementType.Float32)
        {
            var job = new RotateAndStoreJob<Float32Element, TSimd, TVector>(Pointer(qkv), qkv.Stride, shape, transform, plan, layer);
            Run(ref job, qkv.Rows, qkv.Columns);
        }
        else
        {
            var job = new RotateAndStoreJob<BFloat16Element, TSimd, TVector>(Pointer(qkv), qkv.Stride, shape, transform, plan, layer);
            Run(ref job, qkv.Rows, qkv.Columns);
        }
    }

    public override void Attend(Tensor q, in AttentionShape shape, AttentionPlan plan, KvLayer layer, Tensor to)
    {
        Require(q.Columns == shape.Heads * shape.KeyWidth && q.Rows == plan.Rows, "attend: the queries have another shape");
        Require(to.Columns == shape.Heads * shape.ValueWidth && to.Rows == plan.Rows, "attend: the outputs have another shape");
        Require(plan.BlockSize == layer.Cache.Geometry.BlockSize, "attend: the plan's block size is not the cache's");
        var items = _attendRooms.Prepare(shape, plan);
        var operands = new AttendOperands(Pointer(q), q.Stride, Pointer(to), to.Stride);
        if (layer.Cache.Geometry.Type == ElementType.Float32)
        {
            var job = new AttendJob<Float32Element, TSimd, TVector>(operands, shape, plan, layer, _attendRooms);
            ThreadTeam.Shared.Run(ref job, items, Threads);
        }
        else
        {
            var job = new AttendJob<BFloat16Element, TSimd, TVector>(operands, shape, plan, layer, _attendRooms);
            ThreadTeam.Shared.Run(ref job, items, Threads);
        }
    }

    public override void ActivateGated(Tensor gateUp, Activation activation, Tensor to)
    {
        Require(gateUp.Rows == to.Rows && gateUp.Columns == 2 * to.Columns, "gated activation: shapes differ");
        ActivationRows<TSimd, TVector>.Gate(Rows(gateUp), activation, Rows(to), to.Columns, to.Rows, Threads);
    }

    public override void Activate(Tensor x, Activation activation) =>
        ActivationRows<TSimd, TVector>.Apply(Rows(x), activation, x.Columns, x.Rows, Threads);

    public override void Route(Tensor logits, in RoutingShape shape, ExpertPlan to)
    {
        Require(logits.Columns == shape.Experts && to.Selected == shape.Selected, "route: shapes differ");
        for (var row = 0; row < logits.Rows; row++)
        {
            Router.Select(new ReadOnlySpan<float>(Rows(logits).Row(row), shape.Experts), shape, to, row);
        }
    }

    public override void ExpertMlp(Tensor x, ExpertWeights gateUp, ExpertWeights down, Activation activation, ExpertPlan plan, Tensor to)
    {
        Require(x.Rows == to.Rows && x.Columns == gateUp.Inputs && to.Columns == down.Outputs, "expert mlp: shapes differ");
        Require(gateUp.Outputs == 2 * down.Inputs && gateUp.Experts == down.Experts, "expert mlp: the experts' matrices do not fit");
        _experts.Run(new ExpertCall(Rows(x), x.Rows, (CpuExpertWeights)gateUp, (CpuExpertWeights)down, activation, plan), Rows(to));
    }

    public override void Logits(Tensor x, ReadOnlySpan<int> rows, Weight head, float softCap, Tensor to)
    {
        Require(rows.Length == to.Rows && x.Columns == head.Inputs && to.Columns == head.Outputs, "logits: shapes differ");
        fixed (int* index = rows)
        {
            _multiplier.Run(new InputRows(Pointer(x), x.Stride, rows.Length, index), (CpuWeight)head, Pointer(to), to.Stride);
        }

        if (softCap != 0)
        {
            var job = new RowsJob<SoftCapFunction<TSimd, TVector>, TSimd, TVector>(new(softCap), Rows(to), Rows(to), Rows(to), to.Columns);
            Run(ref job, to.Rows, to.Columns * 8);
        }
    }

    public override void Sample(Tensor logits, SamplingPlan plan, Span<int> tokens)
    {
        Require(plan.Rows <= logits.Rows && plan.Rows <= tokens.Length, "sample: fewer rows of logits or tokens than the plan has");
        _sampleRooms.Prepare(logits.Columns);
        fixed (int* to = tokens)
        {
            var job = new SampleJob<TSimd, TVector>(Rows(logits), logits.Columns, plan, _sampleRooms, to);
            ThreadTeam.Shared.Run(ref job, plan.Rows, Threads);
        }
    }

    public override void Logprobs(Tensor logits, ReadOnlySpan<int> chosen, ReadOnlySpan<int> top, int firstRow, LogprobResult to)
    {
        Require(chosen.Length <= logits.Rows && top.Length == chosen.Length, "logprobs: fewer rows of logits than tokens");
        fixed (int* chosenIds = chosen)
        fixed (int* tops = top)
        {
            var job = new LogprobJob<TSimd, TVector>(Rows(logits), logits.Columns, chosenIds, tops, firstRow, to);
            ThreadTeam.Shared.Run(ref job, chosen.Length, Threads);
        }
    }

    protected override void Dispose(bool disposing)
    {
        _multiplier.Dispose();
        _experts.Dispose();
        _rotations.Dispose();
        _attendRooms.Dispose();
        _sampleRooms.Dispose();
    }

    private static RowPointers Rows(Tensor tensor) => new(Pointer(tensor), tensor.Stride);

    private void Run<TJob>(ref TJob job, int rows, int columns)
        where TJob : struct, IJob =>
        ThreadTeam.Shared.Run(ref job, rows, SmallWork.Threads((long)rows * columns, Threads));
}
