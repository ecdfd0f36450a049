using OrleansLLM.Sequences;

namespace OrleansLLM.Engine;

/// <summary>A sequence as it is at one moment and was asked to be: what others ask of it, without an object.</summary>
internal readonly record struct SequenceView(
    Sequence Sequence, SequenceState State, int Count, int CachedTokens, SamplingParameters Sampling, int MaxTokens, int Priority, IStepSink Sink)
{
    public static SequenceView Of(Acceptance accepted) => new(
        accepted.Sequence, accepted.Sequence.State, accepted.Sequence.Count, Math.Max(0, accepted.Sequence.CachedTokens), accepted.Sampling,
        accepted.MaxTokens, accepted.Priority, accepted.Sink);

    public SequencePhase Phase => State switch
    {
        SequenceState.Waiting or SequenceState.AwaitingPrompt => SequencePhase.Waiting,
        SequenceState.Running => SequencePhase.Running,
        _ => SequencePhase.Preempted,
    };

    /// <summary>Of <see cref="Sequence"/> only what never changes is read: any thread may ask.</summary>
    public SequenceDescription Describe() => new(Sequence.Id, Phase, Sequence.PromptLength, Count, CachedTokens, null);
}
