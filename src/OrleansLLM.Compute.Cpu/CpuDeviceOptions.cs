namespace OrleansLLM.Compute.Cpu;

/// <summary>How a CPU device runs.</summary>
public sealed record CpuDeviceOptions
{
    /// <summary>Threads that compute, the caller's included. The default is what the machine or its container allows.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    public Arithmetic Arithmetic { get; init; } = Arithmetic.Auto;
}
