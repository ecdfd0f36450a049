using System.Threading.Tasks.Sources;

namespace OrleansLLM.Sequences;

/// <summary>
/// A cursor in one log. It waits without allocating, and its continuation always runs on the thread pool: waking it costs the appender a
/// queued work item.
/// </summary>
internal sealed class SequenceLogReader : IValueTaskSource, IDisposable
{
    private readonly SequenceLog _log;
    private readonly CancellationTokenRegistration _registration;
    private readonly CancellationToken _cancellation;
    private ManualResetValueTaskSourceCore<bool> _core = new() { RunContinuationsAsynchronously = true };
    private int _position;

    public SequenceLogReader(SequenceLog log, int from, CancellationToken cancellation)
    {
        _log = log;
        _position = from;
        _cancellation = cancellation;
        _registration = cancellation.UnsafeRegister(static state => ((SequenceLogReader)state!).Cancel(), this);
    }

    /// <summary>Guarded by the log's lock.</summary>
    public bool IsWaiting { get; set; }

    /// <summary>Takes what stands behind the cursor and moves it, or says that there is nothing yet.</summary>
    public bool TryRead(out TokenRange range)
    {
        if (!_log.TryRead(_position, out range))
        {
            return false;
        }

        _position = range.Start + range.Ids.Length;
        return true;
    }

    /// <summary>Completes when there may be something to read.</summary>
    public ValueTask WaitAsync()
    {
        _core.Reset();
        var version = _core.Version;
        if (!_log.TryWait(_position, this))
        {
            return default;
        }

        // The callback may have run before the wait was registered, where it found nothing to wake. Wake and Cancel both clear IsWaiting under
        // the log's lock, so exactly one of them completes the wait.
        if (_cancellation.IsCancellationRequested)
        {
            Cancel();
        }

        return new ValueTask(this, version);
    }

    public void Wake() => _core.SetResult(true);

    public void GetResult(short token) => _core.GetResult(token);

    public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    public void Dispose() => _registration.Dispose();

    private void Cancel() => _log.StopWaiting(
        this, static reader => reader._core.SetException(new OperationCanceledException(reader._cancellation)));
}
