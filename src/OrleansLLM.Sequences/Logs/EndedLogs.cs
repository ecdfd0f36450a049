namespace OrleansLLM.Sequences;

/// <summary>Which ended logs stay readable: for a time, and up to a size of all together, the oldest go first. Guarded by its owner's lock.</summary>
internal sealed class EndedLogs(SequenceLogOptions options, TimeProvider time)
{
    private readonly Queue<EndedLog> _ended = [];
    private long _tokens;

    public void Add(SequenceId id, int tokens)
    {
        _tokens += tokens;
        _ended.Enqueue(new EndedLog(id, tokens, time.GetUtcNow() + options.Retention));
    }

    /// <summary>The oldest, if its time is over or all together are too large.</summary>
    public bool TryTake(out SequenceId id)
    {
        id = default;
        if (!_ended.TryPeek(out var oldest) || (oldest.ForgetAt > time.GetUtcNow() && _tokens <= options.RetainedTokens))
        {
            return false;
        }

        _ended.Dequeue();
        _tokens -= oldest.Tokens;
        id = oldest.Id;
        return true;
    }

    /// <summary>Until the oldest one's time is over; null without any.</summary>
    public TimeSpan? UntilNext => _ended.TryPeek(out var oldest)
        ? TimeSpan.FromTicks(Math.Max(0, (oldest.ForgetAt - time.GetUtcNow()).Ticks))
        : null;

    private readonly record struct EndedLog(SequenceId Id, int Tokens, DateTimeOffset ForgetAt);
}
