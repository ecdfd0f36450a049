using OrleansLLM.Compute.Cpu.Memory;

namespace OrleansLLM.Compute.Cpu.Sampling;

/// <summary>The working memory of every worker.</summary>
internal sealed unsafe class SampleRooms(int workers) : IDisposable
{
    private readonly Scratch _scratch = new();
    private int _columns;

    public void Prepare(int vocabulary)
    {
        _columns = (vocabulary + 15) & ~15;
        _scratch.Take(workers * Bytes);
    }

    public SampleRoom Of(int worker) => new(_scratch.Take(0) + (worker * Bytes), _columns);

    public void Dispose() => _scratch.Dispose();

    private long Bytes => (_columns * (2L * sizeof(float) + sizeof(ulong))) + (SampleRoom.Buckets * (sizeof(double) + 8L));
}

/// <summary>One worker's memory for a row.</summary>
internal readonly unsafe struct SampleRoom(byte* memory, int columns)
{
    /// <summary>Steps of 1/32 below the largest logit; the last holds all the rest.</summary>
    public const int Buckets = 1024;

    /// <summary>The row after bias and penalties, then divided by the temperature; a multiple of 16 numbers.</summary>
    public float* Logits { get; } = (float*)memory;

    /// <summary>e^(logit - largest).</summary>
    public float* Weights { get; } = (float*)memory + columns;

    /// <summary>Order and id of what may be drawn.</summary>
    public ulong* Candidates { get; } = (ulong*)((float*)memory + (2L * columns));

    public double* BucketWeights { get; } = (double*)(memory + (16L * columns));

    public int* BucketCounts { get; } = (int*)(memory + (16L * columns) + (Buckets * sizeof(double)));
}
