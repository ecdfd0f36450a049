namespace OrleansLLM.Gateway.Http;

/// <summary>
/// Writes a comment whenever a stream was silent for <paramref name="interval"/>, so that neither client nor proxy takes it for dead. Zero is
/// never. Once disposed it writes nothing more.
/// </summary>
/// <param name="turn">Whoever writes to the stream holds it.</param>
internal sealed class SseKeepAlive(SseStream stream, SemaphoreSlim turn, TimeSpan interval, TimeProvider time) : IAsyncDisposable
{
    private ITimer? _timer;
    private CancellationToken _aborted;
    private long _written;
    private volatile bool _isDisposed;

    public void Start(CancellationToken aborted)
    {
        _aborted = aborted;
        OnWritten();
        if (interval > TimeSpan.Zero)
        {
            _timer = time.CreateTimer(
                static state => _ = ((SseKeepAlive)state!).OnTimeAsync(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            Wait(interval);
        }
    }

    public void OnWritten() => Volatile.Write(ref _written, time.GetTimestamp());

    public async ValueTask DisposeAsync()
    {
        _isDisposed = true;
        if (_timer is not null)
        {
            await _timer.DisposeAsync();
            await turn.WaitAsync(CancellationToken.None); // for a comment that is under way
            turn.Release();
        }
    }

    private async Task OnTimeAsync()
    {
        await turn.WaitAsync(CancellationToken.None); // an event that is being written ends the silence
        try
        {
            if (_isDisposed)
            {
                return;
            }

            var silent = time.GetElapsedTime(Volatile.Read(ref _written));
            if (silent < interval)
            {
                Wait(interval - silent);
                return;
            }

            OnWritten();
            Wait(interval);
            stream.WriteComment();
            await stream.FlushAsync(_aborted);
        }
        catch (OperationCanceledException)
        {
            // The client left: whoever writes the next event learns it by the same token.
        }
        finally
        {
            turn.Release();
        }
    }

    private void Wait(TimeSpan span) => _timer!.Change(span, Timeout.InfiniteTimeSpan);
}
