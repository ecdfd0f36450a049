using Microsoft.Extensions.Logging;
using OrleansLLM.Sequences;

namespace OrleansLLM.Engine;

/// <summary>A sequence that was accepted, with what it was asked to be: the engine may not have got so far yet. The inbox's lock guards it.</summary>
internal sealed class Acceptance(Sequence sequence, IStepSink sink)
{
    public Sequence Sequence { get; } = sequence;

    public IStepSink Sink { get; set; } = sink;

    public SamplingParameters Sampling { get; private set; } = sequence.Sampling;

    public int MaxTokens { get; private set; } = sequence.MaxTokens;

    public int Priority { get; private set; } = sequence.Priority;

    public void Note(SequenceChange change) =>
        (Sampling, MaxTokens, Priority) = (change.Sampling ?? Sampling, change.MaxTokens ?? MaxTokens, change.Priority ?? Priority);

    /// <summary>Tells the sinks an end that no step will tell them.</summary>
    public static void End(IReadOnlyList<Acceptance> sequences, SequenceEnd end, ILogger logger)
    {
        foreach (var ofOne in sequences.GroupBy(accepted => accepted.Sink))
        {
            var batch = new StepBatch();
            foreach (var sequence in ofOne.Select(accepted => accepted.Sequence))
            {
                batch.Add(new StepEntry(sequence.Id, sequence.Epoch, sequence.Count, null, null, null, Math.Max(0, sequence.CachedTokens), end));
            }

            try
            {
                ofOne.Key.OnStep(batch);
            }
#pragma warning disable CA1031 // a sink that throws loses its ends, the others do not
            catch (Exception exception)
#pragma warning restore CA1031
            {
                logger.LogSinkFailed(exception);
            }
        }
    }
}
