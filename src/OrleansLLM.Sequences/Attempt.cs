namespace OrleansLLM.Sequences;

/// <summary>
/// One try at a request on one engine: the journal's content. A first try has no output; after a worker's death the next one goes on
/// behind it, changed as it was, with a higher epoch, which is the same case as preemption.
/// </summary>
/// <param name="Sequences">The answers to compute, with what each has published already and how it was changed.</param>
public sealed record Attempt(GenerationRequest Request, Epoch Epoch, IReadOnlyList<JournalSequence> Sequences);

/// <summary>One try at one sequence: what is said of it never touches another one.</summary>
public readonly record struct AttemptId(SequenceId Sequence, Epoch Epoch)
{
    /// <summary>The one that an entry comes from.</summary>
    public static AttemptId Of(in StepEntry entry) => new(entry.Sequence, entry.Epoch);
}

/// <summary>An attempt that an engine has accepted, and how far it is.</summary>
public readonly record struct HeldAttempt(AttemptId Attempt, SequencePhase Phase);
