namespace OrleansLLM.Compute.Cpu.Threads;

/// <summary>Keeps work that is done before another thread would wake up on the caller.</summary>
internal static class SmallWork
{
    /// <summary>Numbers that one thread passes over in a few microseconds.</summary>
    private const long Alone = 16 * 1024;

    public static int Threads(long numbers, int threads) => numbers <= Alone ? 1 : threads;
}
