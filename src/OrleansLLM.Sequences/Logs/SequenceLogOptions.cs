namespace OrleansLLM.Sequences;

/// <summary>How long logs live. The defaults are DESIGN's.</summary>
public sealed record SequenceLogOptions
{
    /// <summary>How long the submitter counts as the reader of a sequence that nobody has read yet.</summary>
    public TimeSpan SubmitterHold { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long an ended log stays readable.</summary>
    public TimeSpan Retention { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>
    /// Bytes that all logs together may hold, prompts and log probabilities included. Beyond it ended ones are forgotten, the oldest first,
    /// and where those that run hold as much no new ones are opened.
    /// </summary>
    public long MaxRetainedBytes { get; init; } = 256 << 20;
}

/// <summary>What became of a request's logs.</summary>
public enum OpenResult
{
    Opened,

    /// <summary>The request is known: nothing was opened.</summary>
    Known,

    /// <summary>Logs that run hold <see cref="SequenceLogOptions.MaxRetainedBytes"/>: nothing was opened.</summary>
    Full,
}

/// <summary>What an end mark did.</summary>
internal enum EndMarkResult
{
    /// <summary>One is set already, or it lies inside the prompt.</summary>
    Refused,

    /// <summary>The sequence ran and has ended now.</summary>
    Ended,

    /// <summary>The sequence had ended by itself and is shorter now.</summary>
    Cut,
}

/// <summary>What became of a step's entry.</summary>
public enum AppendResult
{
    Appended,

    /// <summary>The log holds that position already: dropped.</summary>
    Duplicate,

    /// <summary>It comes from an attempt that was given up: dropped.</summary>
    OlderEpoch,

    /// <summary>Tokens before it are missing: dropped; the receiver must get them or start a new attempt.</summary>
    Gap,

    /// <summary>The sequence has ended: dropped.</summary>
    Ended,

    /// <summary>No such log is here: dropped.</summary>
    Unknown,
}
