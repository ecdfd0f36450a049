namespace OrleansLLM.Cluster;

/// <summary>
/// Beats while this silo runs. One that was stopped has none when it wakes: the others may have called it dead meanwhile, so it takes in nothing and
/// believes nothing until it has read the table. Every member may be called from any thread.
/// </summary>
internal sealed class SiloPulse(TimeProvider time)
{
    /// <summary>Between two beats.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);

    private static readonly TimeSpan Late = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private TaskCompletionSource _next = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _last = time.GetTimestamp();

    /// <summary>Whether the last one was over a second before it should have come.</summary>
    public bool HasStopped => time.GetElapsedTime(Volatile.Read(ref _last)) - Interval > Late;

    public void Beat()
    {
        lock (_lock)
        {
            Volatile.Write(ref _last, time.GetTimestamp());
            _next.SetResult();
            _next = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    /// <summary>Completes while it beats at once, else with the next beat.</summary>
    public Task WaitAsync(CancellationToken cancellation)
    {
        lock (_lock)
        {
            return HasStopped ? _next.Task.WaitAsync(cancellation) : Task.CompletedTask;
        }
    }
}
