namespace OrleansLLM;

public enum FinishReason
{
    /// <summary>A stop token was drawn, or the gateway found a stop string.</summary>
    Stop,

    /// <summary>MaxTokens, or the model's length, is reached.</summary>
    Length,

    /// <summary>The client left, or asked for it.</summary>
    Cancelled,

    /// <summary>The request's Timeout passed.</summary>
    TimedOut,

    /// <summary>The request's QueueTimeout passed before its first step.</summary>
    QueueTimedOut,

    /// <summary>The server is stopping.</summary>
    ShutDown,

    /// <summary>Something broke; the message says what.</summary>
    Failed,

    /// <summary>What the request allows and forbids leaves no token to draw; the message says so.</summary>
    NothingAllowed,

    /// <summary>The model's logits are no numbers: a weight is damaged. The message names the model.</summary>
    BrokenLogits,

    /// <summary>Workers stopped under it again and again, so that it may be what stopped them; the message says so.</summary>
    Poisoned,
}

/// <summary>How a sequence ended.</summary>
/// <param name="StopToken">The stop token that was drawn (it is the last published token), if one was.</param>
/// <param name="Message">For people, where Reason alone does not say it.</param>
public sealed record SequenceEnd(FinishReason Reason, int? StopToken = null, string? Message = null);

/// <summary>Log probabilities of raw logits (natural logarithm) at one position.</summary>
/// <param name="Logprob">Of the token that stands there.</param>
/// <param name="Rank">1 = the most likely.</param>
/// <param name="TopIds">The most likely tokens, best first.</param>
public sealed record TokenLogprobs(float Logprob, int Rank, ReadOnlyMemory<int> TopIds, ReadOnlyMemory<float> TopLogprobs)
{
    // The engine fills in objects that were made beforehand; nobody sees them before.
    public float Logprob { get; internal set; } = Logprob;

    public int Rank { get; internal set; } = Rank;

    public ReadOnlyMemory<int> TopIds { get; internal set; } = TopIds;

    public ReadOnlyMemory<float> TopLogprobs { get; internal set; } = TopLogprobs;

    /// <summary>About what it holds of memory: itself, and its two arrays.</summary>
    public int Bytes => 112 + (TopIds.Length * (sizeof(int) + sizeof(float)));
}

/// <summary>
/// A piece of a sequence: tokens at positions [Start, Start + Ids.Length). Positions count from the prompt's first token.
/// </summary>
/// <param name="Logprobs">
/// Empty, or one entry a token; an entry is null where none was asked for, and at position 0, which nothing predicts.
/// </param>
/// <param name="End">Set on the last range of a sequence, which may hold no tokens.</param>
public readonly record struct TokenRange(
    int Start, ReadOnlyMemory<int> Ids, ReadOnlyMemory<TokenLogprobs?> Logprobs, SequenceEnd? End)
{
    /// <summary>
    /// The answer's tokens before this position were given to some reader before: who counts those behind it counts each once, whoever else reads, in
    /// whichever process.
    /// </summary>
    public int ReadBefore { get; init; }

    /// <summary>Of the engine that computed these tokens, or would have computed the next one; null where it is not known, as of a prompt.</summary>
    public string? Fingerprint { get; init; }

    /// <summary>Whether some reader was given the end before.</summary>
    public bool IsEndRead { get; init; }
}
