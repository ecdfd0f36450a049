using OrleansLLM.Sequences;

namespace OrleansLLM.Engine;

/// <summary>A sequence as it was between two steps: what others ask of it, without an object.</summary>
internal readonly record struct SequenceView(
    Sequence Sequence, SequenceState State, int Count, int CachedTokens, SamplingParameters Sampling, int MaxTokens, int Priority, IStepSink Sink)
{
    public static SequenceView? Of(Sequence? sequence) => sequence is null
        ? null
        : new SequenceView(
            sequence, sequence.State, sequence.Count, Math.Max(0, sequence.CachedTokens), sequence.Sampling, sequence.MaxTokens, sequence.Priority,
            sequence.Outbox!.Sink);

    /// <summary>Of <see cref="Sequence"/> only what never changes is read: any thread may ask.</summary>
    public SequenceDescription Describe()
    {
        var phase = State switch
        {
            SequenceState.Waiting or SequenceState.AwaitingPrompt => SequencePhase.Waiting,
            SequenceState.Running => SequencePhase.Running,
            _ => SequencePhase.Preempted,
        };
        return new SequenceDescription(Sequence.Id, phase, Sequence.PromptLength, Count, CachedTokens, null);
    }
}
