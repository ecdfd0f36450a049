namespace OrleansLLM.Engine;

/// <summary>
/// Takes steps off the step's thread: copies their entries and appends them to the logs on the thread pool, in order, one step after
/// another. Allocates nothing once its lists have grown to the largest step.
/// </summary>
internal sealed class StepMailbox(Action<StepEntry> deliver) : IStepSink, IThreadPoolWorkItem
{
    private readonly Lock _lock = new();
    private List<StepEntry> _arriving = [];
    private List<StepEntry> _delivering = [];
    private bool _isScheduled;

    public void OnStep(StepBatch batch)
    {
        lock (_lock)
        {
            for (var i = 0; i < batch.Entries.Count; i++)
            {
                _arriving.Add(batch.Entries[i]);
            }

            if (_isScheduled)
            {
                return;
            }

            _isScheduled = true;
        }

        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    void IThreadPoolWorkItem.Execute()
    {
        while (true)
        {
            lock (_lock)
            {
                if (_arriving.Count == 0)
                {
                    _isScheduled = false;
                    return;
                }

                (_arriving, _delivering) = (_delivering, _arriving);
            }

            foreach (var entry in _delivering)
            {
                deliver(entry);
            }

            _delivering.Clear();
        }
    }
}
