namespace OrleansLLM.Cluster;

/// <summary>
/// At most one request under which a worker was lost runs here, until its next token: if it is what stops workers, no other one is stopped
/// for the second time with it. Whoever asked first is next, also where it stopped waiting for a while. May be called from any thread.
/// </summary>
internal sealed class SuspectSeat(TimeProvider time)
{
    /// <summary>Who took the seat submits by then, or has died.</summary>
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    /// <summary>Who has not asked again for so long has lost its place.</summary>
    private static readonly TimeSpan Absence = TimeSpan.FromSeconds(5);

    private readonly List<Place> _line = [];
    private RequestId? _holder;
    private volatile bool _isTaken;
    private long? _taken;

    /// <summary>Done when the seat is this request's; false where it did not become free in time.</summary>
    public async Task<bool> TakeAsync(RequestId request, TimeSpan patience)
    {
        TaskCompletionSource<bool> turn;
        lock (_lock)
        {
            _line.RemoveAll(place => place.Turn.Task.IsCompleted && place.Request != request && time.GetElapsedTime(place.Left) > Absence);
            if (_holder is null || _holder == request)
            {
                Seat(request);
                return true;
            }

            turn = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
            var place = _line.Find(place => place.Request == request);
            if (place is null)
            {
                _line.Add(place = new Place(request));
            }

            place.Turn = turn;
            place.Left = time.GetTimestamp() + (long)(patience.TotalSeconds * time.TimestampFrequency);
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

            (_holder, _isTaken, _taken) = (null, false, null);
            if (_line.Find(place => place.Turn.TrySetResult(true)) is { } next)
            {
                Seat(next.Request);
            }
        }
    }

    private void Seat(RequestId request)
    {
        _line.RemoveAll(place => place.Request == request);
        var taken = time.GetTimestamp();
        (_holder, _isTaken, _taken) = (request, true, taken);
        _ = ExpireAsync(request, taken);
    }

    private async Task ExpireAsync(RequestId request, long taken)
    {
        await Task.Delay(Lease, time).ConfigureAwait(false);
        lock (_lock)
        {
            if (_holder == request && _taken == taken)
            {
                Leave(request);
            }
        }
    }

    private sealed class Place(RequestId request)
    {
        public RequestId Request { get; } = request;

        /// <summary>Its last question; completed when it was answered.</summary>
        public TaskCompletionSource<bool> Turn { get; set; } = new();

        /// <summary>When that question's patience ends.</summary>
        public long Left { get; set; }
    }
}
