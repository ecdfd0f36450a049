using OrleansLLM.Sequences;

namespace OrleansLLM.Engine;

/// <summary>
/// Takes steps off the step's thread: copies their entries into a ring and appends them to the logs on the thread pool, in order, one
/// step after another. Promises: the step's thread waits for nobody and allocates nothing while the appender is late by no more than
/// <see cref="Room"/> entries; a ring that was too small doubles and stays so.
/// </summary>
internal sealed class StepMailbox(Action<StepEntry> deliver) : IStepSink, IThreadPoolWorkItem
{
    /// <summary>16 steps of 256 sequences, 400 KB.</summary>
    public const int Room = 4096;

    private const int MostAtOnce = 256;

    private readonly Lock _lock = new();
    private readonly StepEntry[] _delivering = new StepEntry[MostAtOnce];
    private StepEntry[] _ring = new StepEntry[Room];
    private int _first;
    private int _count;
    private bool _isScheduled;

    public void OnStep(StepBatch batch)
    {
        lock (_lock)
        {
            for (var i = 0; i < batch.Entries.Count; i++)
            {
                Add(batch.Entries[i]);
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
        for (var count = Take(); count > 0; count = Take())
        {
            for (var i = 0; i < count; i++)
            {
                deliver(_delivering[i]);
            }

            Array.Clear(_delivering, 0, count);
        }
    }

    private void Add(in StepEntry entry)
    {
        if (_count == _ring.Length)
        {
            var larger = new StepEntry[_ring.Length * 2];
            _ring.AsSpan(_first).CopyTo(larger);
            _ring.AsSpan(0, _first).CopyTo(larger.AsSpan(_ring.Length - _first));
            (_ring, _first) = (larger, 0);
        }

        _ring[(_first + _count++) % _ring.Length] = entry;
    }

    /// <summary>Moves the oldest entries to where they are delivered from; without any the next step schedules anew.</summary>
    private int Take()
    {
        lock (_lock)
        {
            var count = Math.Min(Math.Min(_count, MostAtOnce), _ring.Length - _first);
            _ring.AsSpan(_first, count).CopyTo(_delivering);
            Array.Clear(_ring, _first, count);
            _first = (_first + count) % _ring.Length;
            _count -= count;
            _isScheduled = count > 0;
            return count;
        }
    }
}
