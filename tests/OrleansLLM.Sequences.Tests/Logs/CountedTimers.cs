namespace OrleansLLM.Sequences.Tests.Logs;

/// <summary>A clock that knows how many of its timers nobody has disposed of.</summary>
public sealed class CountedTimers(TimeProvider time) : TimeProvider
{
    public int Open { get; private set; }

    public override DateTimeOffset GetUtcNow() => time.GetUtcNow();

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        Open++;
        return new Timer(this, time.CreateTimer(callback, state, dueTime, period));
    }

    private sealed class Timer(CountedTimers counted, ITimer timer) : ITimer
    {
        private bool _isDisposed;

        public bool Change(TimeSpan dueTime, TimeSpan period) => timer.Change(dueTime, period);

        public void Dispose()
        {
            timer.Dispose();
            counted.Open -= _isDisposed ? 0 : 1;
            _isDisposed = true;
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return default;
        }
    }
}
