namespace OrleansLLM.Sequences;

/// <summary>
/// One try at a request on one engine: the journal's content. A first try has no output; after a worker's death the next one goes on
/// behind it, changed as it was, with a higher epoch, which is the same case as preemption.
/// </summary>
/// <param name="Sequences">The answers to compute, with what each has published already and how it was changed.</param>
public sealed record Attempt(GenerationRequest Request, int Epoch, IReadOnlyList<JournalSequence> Sequences);
