using System.Collections.Concurrent;
using OrleansLLM.Sequences;

namespace OrleansLLM.Cluster;

/// <summary>
/// Readers of one request's sequences in other gateways' silos, who come again and again. Promises: whoever came once counts as a reader until it says that it
/// leaves, or was not heard of for <see cref="Adoption.Linger"/>: then its gateway has died, or hangs. A visit that waits here ends where its reader leaves.
/// </summary>
internal sealed class RemoteReaders(SequenceLogs logs, TimeProvider time)
{
    /// <summary>How long a reader waits here before it comes again.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<Guid, Seat> _seats = [];

    /// <summary>What stands from a position on, or an empty range where nothing comes for a while; null where the sequence is not known.</summary>
    public async Task<RangeReply?> ReadAsync(SequenceId sequence, int from, Guid reader)
    {
        if (!_seats.TryGetValue(reader, out var seat))
        {
            if (logs.Attend(sequence) is not { } attendance)
            {
                return null;
            }

            _seats[reader] = seat = new Seat(attendance, time.CreateTimer(_ => TryLeave(reader, default), null, Adoption.Linger, Timeout.InfiniteTimeSpan));
        }

        var range = await seat.VisitAsync(leaving => ReadOnceAsync(sequence, from, leaving));
        if (range is null or { End: not null })
        {
            TryLeave(reader, default);
        }

        return range is null ? null : RangeReply.From(sequence, range.Value);
    }

    /// <summary>A reader stays, or leaves; false where it is not here.</summary>
    /// <param name="leaving">Null where it stays; else as for <see cref="Attendance.Leave"/>.</param>
    public bool Attend(Guid reader, TimeSpan? leaving) =>
        leaving is { } least ? TryLeave(reader, least) : _seats.TryGetValue(reader, out var seat) && seat.TryStay();

    private bool TryLeave(Guid reader, TimeSpan least)
    {
        if (!_seats.TryRemove(reader, out var left))
        {
            return false;
        }

        using var seat = left;
        seat.Leave(least);
        return true;
    }

    private async Task<TokenRange?> ReadOnceAsync(SequenceId sequence, int from, CancellationToken leaving)
    {
        using var ending = new CancellationTokenSource(Patience, time);
        await using var registration = leaving.UnsafeRegister(static ending => ((CancellationTokenSource)ending!).Cancel(), ending);
        try
        {
            return await logs.ReadOnceAsync(sequence, from, ending.Token) ?? new TokenRange(from, default, default, null);
        }
        catch (UnknownSequenceException)
        {
            return null;
        }
    }

    private sealed class Seat : IDisposable
    {
        private readonly CancellationTokenSource _leaving = new();
        private readonly CancellationToken _left;
        private readonly Attendance _attendance;
        private readonly ITimer _lease;

        public Seat(Attendance attendance, ITimer lease)
        {
            (_attendance, _lease) = (attendance, lease);
            _left = _leaving.Token;
        }

        public Task<TokenRange?> VisitAsync(Func<CancellationToken, Task<TokenRange?>> read)
        {
            TryStay();
            return read(_left);
        }

        public bool TryStay() => _lease.Change(Adoption.Linger, Timeout.InfiniteTimeSpan);

        public void Leave(TimeSpan least)
        {
            _attendance.Leave(least);
            _leaving.Cancel();
        }

        public void Dispose()
        {
            _lease.Dispose();
            _leaving.Dispose();
        }
    }
}
