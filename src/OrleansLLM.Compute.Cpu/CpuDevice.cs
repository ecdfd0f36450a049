using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using OrleansLLM.Compute.Cpu.Attention;
using OrleansLLM.Compute.Cpu.Memory;
using OrleansLLM.Compute.Cpu.Simd;
using OrleansLLM.Compute.Cpu.Threads;
using static System.FormattableString;

namespace OrleansLLM.Compute.Cpu;

/// <summary>
/// The processor as a device. Promises: an output row has the same bits alone and in any batch, chunk and thread count, and on every
/// instruction set; operations allocate no managed memory once their largest shape has run; weights take their file's size; pages of
/// cache blocks are untouched until written. One thread at a time calls a device; devices of a process share their worker threads.
/// </summary>
public abstract class CpuDevice : IDevice
{
    private int _loadThreads;

    private protected CpuDevice(CpuDeviceOptions options, string instructions)
    {
        Require(options.Threads >= 1, Invariant($"Threads is {options.Threads}; it must be 1 or more."));
        Require(Enum.IsDefined(options.Arithmetic), $"Arithmetic is {options.Arithmetic}; it must be Auto or Float32.");
        Threads = options.Threads;
        LoadThreads = options.Threads;
        Arithmetic = options.Arithmetic;
        Description = new DeviceDescription(
            Invariant($"CPU, {instructions}, {Threads} {(Threads == 1 ? "thread" : "threads")}"),
            Arithmetic == Arithmetic.Auto ? "cpu-int8" : "cpu-float32",
            BatchDeterminism.RowsIndependent,
            PreemptionCost.SwapIsCheaper)
        {
            StepTime = TimeSpan.FromMilliseconds(250),
        };
        ThreadTeam.Shared.Grow(Threads);
    }

    public DeviceDescription Description { get; }

    /// <summary>Threads that repack weights, 1 or more; another thread may change it while a model loads.</summary>
    public int LoadThreads
    {
        get => Volatile.Read(ref _loadThreads);
        set => Volatile.Write(ref _loadThreads, Math.Max(1, value));
    }

    private protected int Threads { get; }

    private protected Arithmetic Arithmetic { get; }

    /// <summary>A device with the widest instruction set that this processor has.</summary>
    /// <exception cref="ArgumentException">An option can't be; the message names it and its range.</exception>
    public static CpuDevice Create(CpuDeviceOptions options) =>
        Vector512.IsHardwareAccelerated && Avx512BW.IsSupported ? new CpuDevice<Simd512, Vector512<byte>>(options, "AVX-512")
        : Avx2.IsSupported && Fma.IsSupported ? new CpuDevice<Simd256, Vector256<byte>>(options, "AVX2")
        : new CpuDevice<Simd128, Vector128<byte>>(options, Vector128.IsHardwareAccelerated ? "128-bit vectors" : "scalar");

    public Tensor Allocate(int rows, int columns)
    {
        // Rows whole pages apart would all fall into one set of the first-level cache.
        var stride = (columns + 15) & ~15;
        stride += stride % 512 == 0 ? 16 : 0;
        return new Tensor(new CpuTensorMemory((long)rows * stride * sizeof(float)), 0, rows, columns, stride);
    }

    public abstract Weight Load(LinearSource source);

    public abstract ExpertWeights LoadExperts(IReadOnlyList<LinearSource> experts);

    public NormWeight LoadNorm(NormKind kind, float epsilon, ReadOnlySpan<float> scale, ReadOnlySpan<float> bias)
    {
        Require(bias.IsEmpty || bias.Length == scale.Length, "a normalization's bias has another width than its scale");
        return new CpuNormWeight(kind, epsilon, scale, bias);
    }

    public KvCache AllocateKv(KvGeometry geometry, int blocks) => new CpuKvCache(geometry, blocks);

    public HostBlocks AllocateHostBlocks(KvGeometry geometry, int blocks) => new CpuHostBlocks(geometry, blocks);

    public unsafe void Upload(ReadOnlySpan<float> from, Tensor to)
    {
        Require(from.Length == (long)to.Rows * to.Columns, "upload: the numbers do not fill the tensor");
        for (var row = 0; row < to.Rows; row++)
        {
            from.Slice(row * to.Columns, to.Columns).CopyTo(new Span<float>(Pointer(to) + ((long)row * to.Stride), to.Columns));
        }
    }

    public unsafe void Download(Tensor from, Span<float> to)
    {
        Require(to.Length == (long)from.Rows * from.Columns, "download: the tensor does not fill the span");
        for (var row = 0; row < from.Rows; row++)
        {
            new Span<float>(Pointer(from) + ((long)row * from.Stride), from.Columns).CopyTo(to.Slice(row * from.Columns, from.Columns));
        }
    }

    public abstract void Embed(ReadOnlySpan<int> ids, Weight table, float scale, Tensor to);

    public abstract void Add(Tensor x, Tensor to);

    public abstract void Norm(Tensor x, NormWeight weight, Tensor to);

    public abstract void AddNorm(Tensor x, Tensor residual, NormWeight weight, Tensor to);

    public abstract void Linear(Tensor x, Weight weight, Tensor to);

    public abstract void RotateAndStore(
        Tensor qkv, in AttentionShape shape, NormWeight? queryNorm, NormWeight? keyNorm, RopePlan? rope, AttentionPlan plan, KvLayer layer);

    public abstract void Attend(Tensor q, in AttentionShape shape, AttentionPlan plan, KvLayer layer, Tensor to);

    public abstract void ActivateGated(Tensor gateUp, Activation activation, Tensor to);

    public abstract void Activate(Tensor x, Activation activation);

    public abstract void Route(Tensor logits, in RoutingShape shape, ExpertPlan to);

    public abstract void ExpertMlp(Tensor x, ExpertWeights gateUp, ExpertWeights down, Activation activation, ExpertPlan plan, Tensor to);

    public abstract void Logits(Tensor x, ReadOnlySpan<int> rows, Weight head, float softCap, Tensor to);

    public abstract void Sample(Tensor logits, SamplingPlan plan, Span<int> tokens);

    public abstract void Logprobs(Tensor logits, ReadOnlySpan<int> chosen, ReadOnlySpan<int> top, int firstRow, LogprobResult to);

    /// <summary>Whole blocks are copied: what lies behind the copied slots is written before it is read.</summary>
    public unsafe void CopyBlocks(KvCache cache, ReadOnlySpan<BlockCopy> copies)
    {
        var blocks = (CpuKvCache)cache;
        foreach (var copy in copies)
        {
            CopyBlock(blocks.Block(copy.From), blocks.Block(copy.To), cache.Geometry.BytesPerBlock);
        }
    }

    public unsafe Transfer MoveToHost(KvCache cache, HostBlocks host, ReadOnlySpan<BlockMove> moves)
    {
        foreach (var move in moves)
        {
            CopyBlock(((CpuKvCache)cache).Block(move.Block), ((CpuHostBlocks)host).Block(move.HostBlock), cache.Geometry.BytesPerBlock);
        }

        return default;
    }

    public unsafe Transfer MoveFromHost(KvCache cache, HostBlocks host, ReadOnlySpan<BlockMove> moves)
    {
        foreach (var move in moves)
        {
            CopyBlock(((CpuHostBlocks)host).Block(move.HostBlock), ((CpuKvCache)cache).Block(move.Block), cache.Geometry.BytesPerBlock);
        }

        return default;
    }

    /// <summary>Moves are done when their call returns.</summary>
    public bool IsCompleted(Transfer transfer) => true;

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected abstract void Dispose(bool disposing);

    private protected static unsafe float* Pointer(Tensor tensor) => ((CpuTensorMemory)tensor.Memory).Pointer + tensor.Offset;

    private protected static void Require(bool holds, string otherwise)
    {
        if (!holds)
        {
            throw new ArgumentException(otherwise);
        }
    }

    private static unsafe void CopyBlock(byte* from, byte* to, long bytes) => Buffer.MemoryCopy(from, to, bytes, bytes);
}
