using OrleansLLM.Sequences;

namespace OrleansLLM.Engine;

/// <summary>What this step has for one sink so far. Reused from step to step, and for another sink where the first has gone.</summary>
internal sealed class StepOutbox
{
    private readonly StepBatch _batch = new();

    /// <summary>Sequences that publish here; without any the outbox can go.</summary>
    public int Sequences { get; set; }

    public required IStepSink Sink { get; set; }

    public void Add(in StepEntry entry) => _batch.Add(entry);

    public void Publish()
    {
        if (_batch.Entries.Count == 0)
        {
            return;
        }

        Sink.OnStep(_batch);
        _batch.Clear();
    }

    /// <summary>Drops what a sink that threw was given.</summary>
    public void Drop() => _batch.Clear();
}
