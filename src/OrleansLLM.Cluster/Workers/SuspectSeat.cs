namespace OrleansLLM.Cluster;

/// <summary>
/// At most one request under which a worker was lost runs here, until its next token: if it is what stops workers, no other one is stopped
/// for the second time with it. May be called from any thread.
/// </summary>
internal sealed class SuspectSeat(TimeProvider time)
{
    /// <summary>Who took the seat submits by then, or has died.</summary>
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private readonly Queue<(RequestId Request, TaskCompletionSource<bool> Turn)> _line = [];
    private RequestId? _holder;
    private volatile bool _isTaken;
    private long? _taken;

    /// <summary>Done when the seat is this request's; false where it did not become free in time.</summary>
    public async Task<bool> TakeAsync(RequestId request, TimeSpan patience)
    {
        TaskCompletionSource<bool> turn;
        lock (_lock)
        {
            if (_holder is null || _holder == request || (_taken is { } since && time.GetElapsedTime(since) > Lease))
            {
                Seat(request);
                return true;
            }

            turn = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
            _line.Enqueue((request, turn));
        }

        using var ending = new CancellationTokenSource(patience, time);
        await using var registration = ending.Token.UnsafeRegister(static turn => ((TaskCompletionSource<bool>)turn!).TrySetResult(false), turn);
        return await turn.Task.ConfigureAwait(false);
    }

    /// <summary>The request that the seat was taken for has arrived: it keeps the seat until it leaves.</summary>
    public void Arrive(RequestId request)
    {
        lock (_lock)
        {
            _taken = _holder == request ? null : _taken;
        }
    }

    /// <summary>Whether it is that request's. Costs the step's thread a read where there is none.</summary>
    public bool IsHeldBy(RequestId request)
    {
        if (!_isTaken)
        {
            return false;
        }

        lock (_lock)
        {
            return _holder == request;
        }
    }

    /// <summary>The request has its next token, or has ended; nothing happens where the seat is another one's.</summary>
    public void Leave(RequestId request)
    {
        lock (_lock)
        {
            if (_holder != request)
            {
                return;
            }

            (_holder, _isTaken) = (null, false);
            while (_holder is null && _line.TryDequeue(out var next))
            {
                if (next.Turn.TrySetResult(true))
                {
                    Seat(next.Request);
                }
            }
        }
    }

    private void Seat(RequestId request) => (_holder, _isTaken, _taken) = (request, true, time.GetTimestamp());
}
