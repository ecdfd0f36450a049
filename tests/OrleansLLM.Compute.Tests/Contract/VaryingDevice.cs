using OrleansLLM.Testing;

namespace OrleansLLM.Compute.Tests.Contract;

/// <summary>
/// The reference device with the freedom that libraries of kernels take: what it computes is off by up to a share that depends on the
/// rows of the call.
/// </summary>
internal sealed class VaryingDevice(double variation) : IDevice
{
    private readonly ReferenceDevice _device = new();

    public DeviceDescription Description => _device.Description with { Determinism = BatchDeterminism.RowsVaryWithBatch };

    public Tensor Allocate(int rows, int columns) => _device.Allocate(rows, columns);

    public Weight Load(LinearSource source) => _device.Load(source);

    public ExpertWeights LoadExperts(IReadOnlyList<LinearSource> experts) => _device.LoadExperts(experts);

    public NormWeight LoadNorm(NormKind kind, float epsilon, ReadOnlySpan<float> scale, ReadOnlySpan<float> bias) =>
        _device.LoadNorm(kind, epsilon, scale, bias);

    public KvCache AllocateKv(KvGeometry geometry, int blocks) => _device.AllocateKv(geometry, blocks);

    public HostBlocks AllocateHostBlocks(KvGeometry geometry, int blocks) => _device.AllocateHostBlocks(geometry, blocks);

    public void Upload(ReadOnlySpan<float> from, Tensor to) => _device.Upload(from, to);

    public void Download(Tensor from, Span<float> to) => _device.Download(from, to);

    public void Embed(ReadOnlySpan<int> ids, Weight table, float scale, Tensor to) => _device.Embed(ids, table, scale, to);

    public void Add(Tensor x, Tensor to) => _device.Add(x, to);

    public void Norm(Tensor x, NormWeight weight, Tensor to)
    {
        _device.Norm(x, weight, to);
        Vary(to);
    }

    public void AddNorm(Tensor x, Tensor residual, NormWeight weight, Tensor to)
    {
        _device.AddNorm(x, residual, weight, to);
        Vary(to);
    }

    public void Linear(Tensor x, Weight weight, Tensor to)
    {
        _device.Linear(x, weight, to);
        Vary(to);
    }

    public void RotateAndStore(
        Tensor qkv, in AttentionShape shape, NormWeight? queryNorm, NormWeight? keyNorm, RopePlan? rope, AttentionPlan plan, KvLayer layer) =>
        _device.RotateAndStore(qkv, shape, queryNorm, keyNorm, rope, plan, layer);

    public void Attend(Tensor q, in AttentionShape shape, AttentionPlan plan, KvLayer layer, Tensor to)
    {
        _device.Attend(q, shape, plan, layer, to);
        Vary(to);
    }

    public void ActivateGated(Tensor gateUp, Activation activation, Tensor to)
    {
        _device.ActivateGated(gateUp, activation, to);
        Vary(to);
    }

    public void Activate(Tensor x, Activation activation)
    {
        _device.Activate(x, activation);
        Vary(x);
    }

    public void Route(Tensor logits, in RoutingShape shape, ExpertPlan to) => _device.Route(logits, shape, to);

    public void ExpertMlp(Tensor x, ExpertWeights gateUp, ExpertWeights down, Activation activation, ExpertPlan plan, Tensor to)
    {
        _device.ExpertMlp(x, gateUp, down, activation, plan, to);
        Vary(to);
    }

    public void Logits(Tensor x, ReadOnlySpan<int> rows, Weight head, float softCap, Tensor to)
    {
        _device.Logits(x, rows, head, softCap, to);
        Vary(to);
    }

    public void Sample(Tensor logits, SamplingPlan plan, Span<int> tokens) => _device.Sample(VariedCopy(logits), plan, tokens);

    public void Logprobs(Tensor logits, ReadOnlySpan<int> chosen, ReadOnlySpan<int> top, int firstRow, LogprobResult to) =>
        _device.Logprobs(VariedCopy(logits), chosen, top, firstRow, to);

    public void CopyBlocks(KvCache cache, ReadOnlySpan<BlockCopy> copies) => _device.CopyBlocks(cache, copies);

    public Transfer MoveToHost(KvCache cache, HostBlocks host, ReadOnlySpan<BlockMove> moves) => _device.MoveToHost(cache, host, moves);

    public Transfer MoveFromHost(KvCache cache, HostBlocks host, ReadOnlySpan<BlockMove> moves) => _device.MoveFromHost(cache, host, moves);

    public bool IsCompleted(Transfer transfer) => _device.IsCompleted(transfer);

    public void Dispose() => _device.Dispose();

    private Tensor VariedCopy(Tensor from)
    {
        var numbers = new float[from.Rows * from.Columns];
        _device.Download(from, numbers);
        var copy = _device.Allocate(from.Rows, from.Columns);
        _device.Upload(numbers, copy);
        Vary(copy);
        return copy;
    }

    private void Vary(Tensor tensor)
    {
        var numbers = new float[tensor.Rows * tensor.Columns];
        _device.Download(tensor, numbers);
        for (var i = 0; i < numbers.Length; i++)
        {
            numbers[i] *= (float)(1 + (variation * Math.Cos(tensor.Rows)));
        }

        _device.Upload(numbers, tensor);
    }
}
