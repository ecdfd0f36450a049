using System.Collections.Concurrent;
using System.Diagnostics;

namespace OrleansLLM.Hosting;

/// <summary>Measures the phases of a load, some of which run beside each other.</summary>
internal sealed class LoadClock
{
    private readonly long _started = Stopwatch.GetTimestamp();
    private readonly ConcurrentQueue<LoadPhase> _phases = new();

    public IReadOnlyList<LoadPhase> Phases => [.. _phases];

    public TimeSpan Elapsed => Stopwatch.GetElapsedTime(_started);

    public T Measure<T>(string name, Func<T> work)
    {
        var from = Stopwatch.GetTimestamp();
        var result = work();
        _phases.Enqueue(new LoadPhase(name, Stopwatch.GetElapsedTime(from)));
        return result;
    }

    public async Task MeasureAsync(string name, Func<Task> work)
    {
        var from = Stopwatch.GetTimestamp();
        await work().ConfigureAwait(false);
        _phases.Enqueue(new LoadPhase(name, Stopwatch.GetElapsedTime(from)));
    }
}
