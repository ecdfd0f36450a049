namespace OrleansLLM.Engine;

/// <summary>
/// A piece of a growing whole whose successor the thread pool makes in time, so that the step's thread allocates nothing. One thread uses it.
/// </summary>
internal abstract class MadeAhead<T> : IThreadPoolWorkItem
    where T : MadeAhead<T>
{
    private T? _next;
    private bool _isNextWanted;

    /// <summary>The next one is asked for and not made yet.</summary>
    public bool AwaitsNext => _isNextWanted && Volatile.Read(ref _next) is null;

    /// <summary>To be called some steps before <see cref="Next"/>; further calls do nothing.</summary>
    public void WantNext()
    {
        if (!_isNextWanted)
        {
            _isNextWanted = true;
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
    }

    // Only the pool writes _next, once, and releases it whole; the step's thread acquires it. Where both make one, the pool's is garbage:
    // whoever asks has moved on to an object that never asks this one again.

    /// <summary>The next one; made here where the pool was late, or a change asked for more tokens at the last moment.</summary>
    public T Next() => Volatile.Read(ref _next) ?? MakeNext();

    void IThreadPoolWorkItem.Execute() => Volatile.Write(ref _next, MakeNext());

    protected abstract T MakeNext();
}
