namespace OrleansLLM.Engine;

/// <summary>
/// Finds out that a loop gets nowhere: a count that goes up with every layer, step and idle second has stood still for <see cref="Patience"/>. It
/// counts its own ticks, so that a process which was stopped as a whole, or a machine that slept, is not taken for a stuck loop.
/// </summary>
internal sealed class StepWatch : IDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan Tick = TimeSpan.FromSeconds(1);

    private readonly Func<long> _progress;
    private readonly Action _stuck;
    private readonly ITimer _timer;
    private long _last = -1;
    private int _ticks;

    /// <param name="stuck">Called once, on the timer's thread.</param>
    public StepWatch(Func<long> progress, Action stuck, TimeProvider time)
    {
        (_progress, _stuck) = (progress, stuck);
        _timer = time.CreateTimer(static state => ((StepWatch)state!).Look(), this, Tick, Tick);
    }

    public void Dispose() => _timer.Dispose();

    private void Look()
    {
        var progress = _progress();
        _ticks = progress == Interlocked.Exchange(ref _last, progress) ? _ticks + 1 : 0;
        if (_ticks == Patience / Tick)
        {
            _timer.Dispose();
            _stuck();
        }
    }
}
