namespace OrleansLLM.Sequences;

/// <summary>
/// Which ended logs stay readable: for a time, and as long as all logs together are not too large; the oldest go first. One that nobody
/// has read yet stays for as long as its submitter counts as a reader. Guarded by its owner's lock.
/// </summary>
internal sealed class EndedLogs(LogIndex logs, SequenceLogOptions options, TimeProvider time)
{
    private readonly Queue<EndedLog> _ended = [];

    public void Add(SequenceId id) => _ended.Enqueue(new EndedLog(id, time.GetUtcNow()));

    /// <summary>The oldest, if its time is over or <paramref name="bytes"/> of all logs are too many.</summary>
    public bool TryTake(long bytes, out SequenceId id)
    {
        id = default;
        if (!_ended.TryPeek(out var oldest) || !(IsOver(oldest, options.Retention) || (bytes > options.MaxRetainedBytes && !IsAwaited(oldest))))
        {
            return false;
        }

        _ended.Dequeue();
        id = oldest.Id;
        return true;
    }

    /// <summary>Until the oldest one's time is over; null without any.</summary>
    public TimeSpan? UntilNext => _ended.TryPeek(out var oldest)
        ? TimeSpan.FromTicks(Math.Max(0, (oldest.At + options.Retention - time.GetUtcNow()).Ticks))
        : null;

    private bool IsAwaited(in EndedLog ended) =>
        logs.Find(ended.Id) is { WasRead: false } && (options.SubmitterHold == Timeout.InfiniteTimeSpan || !IsOver(ended, options.SubmitterHold));

    private bool IsOver(in EndedLog ended, TimeSpan span) => ended.At + span <= time.GetUtcNow();

    private readonly record struct EndedLog(SequenceId Id, DateTimeOffset At);
}
