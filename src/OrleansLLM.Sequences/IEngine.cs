namespace OrleansLLM.Sequences;

/// <summary>
/// One engine: a model on a device, driven by one step loop. Requests enter through its inbox, tokens leave as one batch a step to the
/// sink that came with the attempt. May be called from any thread; everything but a drain is answered at once, however long a step runs.
/// </summary>
public interface IEngine
{
    EngineFacts Facts { get; }

    /// <summary>As of the last commit; a read costs nothing.</summary>
    EngineLoad Load { get; }

    /// <summary>Counts up with every layer and step that is computed, and at least once a second without work: where it rests, the engine is stuck.</summary>
    long Progress { get; }

    /// <summary>Why the engine computes nothing any more (its loop failed, or is stuck), as a sentence; null while it can.</summary>
    string? Failure { get; }

    /// <summary>Takes in all sequences of an attempt, or none.</summary>
    ValueTask<SubmitResult> SubmitAsync(Attempt attempt, IStepSink sink, CancellationToken cancellation);

    /// <summary>Children of an attempt that is here, of its epoch.</summary>
    ValueTask<SubmitResult> ForkAsync(AttemptId parent, int at, IReadOnlyList<SequenceId> children, CancellationToken cancellation);

    /// <summary>
    /// The position of the first token that the change holds for, which lies behind what a running step draws; null where the attempt is not here
    /// or can't be changed so.
    /// </summary>
    ValueTask<int?> ChangeAsync(AttemptId attempt, SequenceChange change, CancellationToken cancellation);

    /// <summary>
    /// Drops an attempt, or an older one at its sequence; the blocks are free when the running step ends. Nothing more of it is published, no end
    /// either: the caller knows.
    /// </summary>
    ValueTask AbortAsync(AttemptId attempt, CancellationToken cancellation);

    /// <summary>Null where the attempt is not here.</summary>
    ValueTask<SequenceDescription?> DescribeAsync(AttemptId attempt, CancellationToken cancellation);

    /// <summary>
    /// Gives what follows of an attempt to another sink; done when the old one gets nothing more of it. False where the attempt is not here.
    /// </summary>
    Task<bool> RedirectAsync(AttemptId attempt, IStepSink sink);

    /// <summary>What was accepted for a sink and has not ended.</summary>
    IReadOnlyList<HeldAttempt> ListAttempts(IStepSink sink);

    /// <summary>How many tokens of this prompt the prefix cache holds now: a hint, it may be gone at admission.</summary>
    /// <param name="prefixOwner">As <see cref="GenerationRequest.PrefixOwner"/>.</param>
    ValueTask<int> MatchPrefixAsync(ReadOnlyMemory<int> promptIds, string prefixOwner, CancellationToken cancellation);

    /// <summary>Takes no more attempts and completes when all that it holds have ended.</summary>
    Task DrainAsync(CancellationToken cancellation);
}

/// <param name="MaxLength">Tokens of prompt and output together that one sequence may have.</param>
/// <param name="Fingerprint">Weights, cache type and device kind: equal engines give equal tokens.</param>
public sealed record EngineFacts(string Model, int MaxLength, int VocabularySize, int BlockSize, int TotalBlocks, string Fingerprint, string Device);
