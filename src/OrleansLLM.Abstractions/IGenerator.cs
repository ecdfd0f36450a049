namespace OrleansLLM;

/// <summary>
/// The door to generation. It speaks in sequence ids and positions: a stream is always "the tokens of sequence S from position k",
/// so late readers, reconnects, fail-over and replay are one case. A sequence is an append-only log; each reader holds a cursor; a
/// slow reader delays nobody; published tokens never change. The engine implements this for itself, the cluster over grains, and
/// an endpoint can't tell which. All methods may be called from any thread.
/// </summary>
public interface IGenerator
{
    /// <summary>
    /// Takes a request in, or says why not. The same request id twice is the same group. Until the first read the submitter counts
    /// as the reader of all answers, for 10 s at most.
    /// </summary>
    ValueTask<SubmitResult> SubmitAsync(GenerationRequest request, CancellationToken cancellation);

    /// <summary>
    /// A request that was accepted, or is about to be, and those of its sequences that are still known; null where none is. It says whose the
    /// request is, never whether the caller may know.
    /// </summary>
    ValueTask<KnownRequest?> FindAsync(RequestId request, CancellationToken cancellation);

    /// <summary>
    /// The tokens from position <paramref name="from"/> on, as they are published, to the end of the sequence. From below the prompt's
    /// length it begins with prompt tokens, with their log probabilities if those were asked for. Ending the enumeration is how a reader leaves: when
    /// the last one has left, the sequence is cancelled after its request's linger.
    /// </summary>
    /// <exception cref="UnknownSequenceException">Nothing by that id is, or is still, known.</exception>
    IAsyncEnumerable<TokenRange> ReadAsync(SequenceId sequence, int from, CancellationToken cancellation);

    /// <summary>
    /// Makes <paramref name="count"/> new answers that share the tokens of [0, at) with <paramref name="sequence"/> and go on from there;
    /// the cached blocks are shared, the rest is computed again. The new ids belong to the same request. The sequence itself goes on.
    /// </summary>
    ValueTask<SubmitResult> ForkAsync(SequenceId sequence, int at, int count, CancellationToken cancellation);

    /// <summary>
    /// Changes limits, priority or sampling. Answers the position of the first token that the change holds for, which lies behind what is being
    /// computed; null where the sequence has ended or is unknown, or can't be changed so.
    /// </summary>
    ValueTask<int?> ChangeAsync(SequenceId sequence, SequenceChange change, CancellationToken cancellation);

    /// <summary>
    /// Sets the end mark: tokens at and behind position <paramref name="at"/> are neither shown nor billed (the gateway found a stop
    /// string). False where the sequence is unknown or its end mark is set already, and, with <see cref="FinishReason.Cancelled"/>, where it has ended.
    /// </summary>
    ValueTask<bool> FinishAsync(SequenceId sequence, int at, FinishReason reason, CancellationToken cancellation);

    /// <summary>Ends every answer of the request that still runs or waits.</summary>
    ValueTask CancelAsync(RequestId request, CancellationToken cancellation);

    /// <summary>What a sequence is at, or null where it is unknown.</summary>
    ValueTask<SequenceDescription?> DescribeAsync(SequenceId sequence, CancellationToken cancellation);
}

/// <param name="Request">As it was submitted.</param>
/// <param name="Sequences">In the order in which they were made, forks included; at least one.</param>
public sealed record KnownRequest(GenerationRequest Request, IReadOnlyList<SequenceId> Sequences);

/// <summary>What may change while a sequence runs; null leaves a value as it is.</summary>
public sealed record SequenceChange(int? MaxTokens = null, int? Priority = null, SamplingParameters? Sampling = null);

public enum SequencePhase
{
    Waiting,
    Running,
    Preempted,
    Ended,
}

/// <param name="Tokens">Prompt and output so far.</param>
/// <param name="CachedTokens">Prompt tokens that came from the prefix cache when it was first admitted.</param>
public sealed record SequenceDescription(
    SequenceId Id, SequencePhase Phase, int PromptTokens, int Tokens, int CachedTokens, SequenceEnd? End);

/// <summary>The everyday outcomes of a submission.</summary>
public abstract record SubmitResult
{
    private SubmitResult()
    {
    }

    public sealed record Accepted(IReadOnlyList<SequenceId> Sequences) : SubmitResult
    {
        /// <summary>Whether the request was taken in before, here or elsewhere, and is only joined.</summary>
        public bool IsKnown { get; init; }
    }

    /// <param name="Message">Says what was asked, what would fit and what to change.</param>
    /// <param name="RetryAfter">When it may be worth trying again, where that helps.</param>
    public sealed record Refused(RefusalReason Reason, string Message, TimeSpan? RetryAfter = null) : SubmitResult;
}

public enum RefusalReason
{
    /// <summary>The request contradicts itself or the model.</summary>
    Invalid,

    /// <summary>Prompt and limit can never fit the model's length or the block pool.</summary>
    TooLong,

    /// <summary>Too many requests wait already.</summary>
    QueueFull,

    /// <summary>No worker serves that model.</summary>
    UnknownModel,

    /// <summary>The workers are stopping, or not there yet.</summary>
    Unavailable,

    /// <summary>An engine that is asked to fork does not hold that sequence any more; its journal can be submitted instead.</summary>
    UnknownSequence,
}

/// <summary>A sequence id that is not, or no longer, known.</summary>
public sealed class UnknownSequenceException : Exception
{
    public UnknownSequenceException()
    {
    }

    public UnknownSequenceException(string message)
        : base(message)
    {
    }

    public UnknownSequenceException(string message, Exception inner)
        : base(message, inner)
    {
    }

    public UnknownSequenceException(SequenceId sequence)
        : base($"No sequence {sequence} is known here: it never was, or it ended too long ago.")
    {
    }
}
