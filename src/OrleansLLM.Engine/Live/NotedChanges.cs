namespace OrleansLLM.Engine;

/// <summary>
/// A sequence's changes of limits and sampling that hold from tokens which are still to come, in the order of their positions. Promise: nothing is
/// noted behind the end of the sequence. Any thread notes; the step's thread takes and closes.
/// </summary>
internal sealed class NotedChanges
{
    private readonly Lock _lock = new();
    private readonly Queue<NotedChange> _changes = [];
    private volatile int _next = int.MaxValue;
    private bool _isClosed;

    /// <summary>False where the end has been found.</summary>
    public bool TryNote(NotedChange change)
    {
        lock (_lock)
        {
            if (_isClosed)
            {
                return false;
            }

            _changes.Enqueue(change);
            _next = _changes.Peek().Position;
            return true;
        }
    }

    /// <summary>Takes the next one that holds for the token at <paramref name="position"/>.</summary>
    public bool TryTake(int position, out NotedChange change)
    {
        change = default;
        return position >= _next && TakeNext(out change);

        bool TakeNext(out NotedChange next)
        {
            lock (_lock)
            {
                next = _changes.Dequeue();
                _next = _changes.TryPeek(out var later) ? later.Position : int.MaxValue;
                return true;
            }
        }
    }

    /// <summary>Notes nothing more; false, and it goes on, where one has come that holds for the token at <paramref name="position"/>.</summary>
    public bool TryClose(int position)
    {
        lock (_lock)
        {
            return _isClosed = position < _next;
        }
    }
}

/// <param name="Position">Of the first token that it holds for.</param>
internal readonly record struct NotedChange(int Position, SequenceChange Change, PreparedChange Prepared);

/// <summary>What a change needs beside itself, made on its caller's thread.</summary>
/// <param name="Seen">Empty, with room for all that may come, where the change brings penalties.</param>
internal readonly record struct PreparedChange(SeenTokens? Seen, LogprobRoom? Logprobs)
{
    /// <param name="distinctTokens">That may be seen, at most.</param>
    public static PreparedChange For(SequenceChange change, int distinctTokens, int maxTokens) => change.Sampling is { } sampling
        ? new PreparedChange(SeenTokens.AreWantedBy(sampling) ? new SeenTokens(distinctTokens) : null, LogprobRoom.For(sampling, maxTokens))
        : default;
}
