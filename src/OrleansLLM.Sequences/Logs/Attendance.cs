namespace OrleansLLM.Sequences;

/// <summary>Somebody who counts as a reader of a sequence without reading all the time. May be used from any thread.</summary>
public sealed class Attendance
{
    private readonly Action<TimeSpan> _leave;

    internal Attendance(Action<TimeSpan> leave) => _leave = leave;

    /// <summary>Counts no more; nothing happens where it has left already.</summary>
    /// <param name="least">The sequence is held for so long for whoever comes again, or for its request's linger if that is longer.</param>
    public void Leave(TimeSpan least = default) => _leave(least);
}
