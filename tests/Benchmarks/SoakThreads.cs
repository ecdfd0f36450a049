using System.Globalization;
using OrleansLLM.Compute.Cpu.Tests.Threads;

namespace OrleansLLM.Benchmarks;

/// <summary>The soak of the compute threads, of which <c>./test</c> runs seconds.</summary>
internal static class SoakThreads
{
    public static Task RunAsync(string[] arguments)
    {
        var duration = TimeSpan.FromSeconds(double.Parse(arguments[0], CultureInfo.InvariantCulture));
        var seed = Random.Shared.Next();
        Console.WriteLine($"seed {seed}");
        Console.WriteLine(ThreadSoak.Run(duration, seed));
        return Task.CompletedTask;
    }
}
