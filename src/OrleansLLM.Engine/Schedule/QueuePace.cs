namespace OrleansLLM.Engine;

/// <summary>How fast requests leave the queue: what a refused client is told to wait. Not thread safe: the step's thread owns it.</summary>
internal sealed class QueuePace(TimeProvider time)
{
    private long _since = time.GetTimestamp();
    private long _before;
    private long _departed;

    /// <summary>
    /// The mean time that a place took to become free since the queue was last empty; where none did, that time itself, which says at
    /// least how long it takes.
    /// </summary>
    public TimeSpan UntilNextPlace => time.GetElapsedTime(_since) / Math.Max(1, _departed - _before);

    /// <summary>After each step was scheduled.</summary>
    /// <param name="departed">Sequences that have left the queue since the engine started.</param>
    /// <param name="waiting">Those that are left in it.</param>
    public void Note(long departed, int waiting)
    {
        _departed = departed;
        if (waiting == 0)
        {
            (_since, _before) = (time.GetTimestamp(), departed);
        }
    }
}
