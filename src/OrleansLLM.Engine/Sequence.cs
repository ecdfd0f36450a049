namespace OrleansLLM.Engine;

internal enum SequenceState
{
    /// <summary>Not admitted yet.</summary>
    Waiting,

    /// <summary>Its group's first sequence computes the prompt for it.</summary>
    AwaitingPrompt,
    Running,

    /// <summary>Pushed out; its tokens are computed again when it comes back.</summary>
    Preempted,
    SwappingOut,
    Swapped,
    SwappingIn,
    Ended,
}

/// <summary>
/// One prompt and one growing answer: tokens, and how many of them are computed (have keys and values in the cache). There is no phase:
/// a step closes part of the gap. Owned by the step's thread; made by the submitter's, so that its arrays cost the step nothing.
/// </summary>
internal sealed class Sequence
{
    /// <summary>New tokens that a sequence has room for from the start.</summary>
    private const int FirstRoom = 1024;

    private readonly int[] _stopTokens;
    private SequenceRoom _room;

    public Sequence(GenerationRequest request, int epoch, JournalSequence journal, CacheShape shape)
        : this(request, epoch, journal.Id, journal.Output.Span, shape)
    {
        foreach (var noted in journal.Changes)
        {
            Change(noted.Change, new SeenTokens(_room.Length));
        }

        _room.Seen = Seen;
    }

    public Sequence(GenerationRequest request, int epoch, SequenceId id, ReadOnlySpan<int> output, CacheShape shape)
    {
        Id = id;
        Epoch = epoch;
        Request = request;
        Sampling = request.Sampling;
        MaxTokens = request.MaxTokens;
        Priority = request.Priority;
        PromptLength = request.PromptIds.Length;
        Count = PromptLength + output.Length;
        _stopTokens = [.. request.StopTokenIds];
        ResumedTokens = output.Length;
        var length = Count + Math.Clamp(request.MaxTokens - output.Length, 0, FirstRoom) + 1;
        _room = new SequenceRoom(length, shape) { Seen = SeenTokens.AreWantedBy(Sampling) ? new SeenTokens(length) : null };
        request.PromptIds.Span.CopyTo(_room.Tokens);
        output.CopyTo(_room.Tokens.AsSpan(PromptLength));
        Tables = new BlockTables(_room);
        Seen = _room.Seen;
        Seen?.Add(request.PromptIds.Span, output);
    }

    public SequenceId Id { get; }

    public int Epoch { get; }

    public GenerationRequest Request { get; }

    public int PromptLength { get; }

    /// <summary>Tokens of prompt and output.</summary>
    public int Count { get; private set; }

    /// <summary>Tokens whose keys and values are in the cache.</summary>
    public int Computed { get; set; }

    public int OutputLength => Count - PromptLength;

    public ReadOnlySpan<int> Tokens => _room.Tokens.AsSpan(0, Count);

    public ReadOnlySpan<int> Output => _room.Tokens.AsSpan(PromptLength, OutputLength);

    public BlockTables Tables { get; }

    public SequenceState State { get; set; }

    public SamplingParameters Sampling { get; private set; }

    public int MaxTokens { get; private set; }

    public int Priority { get; set; }

    /// <summary>Order of submission; a preempted sequence keeps it.</summary>
    public long Arrival { get; set; }

    /// <summary>Order of the last admission; the latest is pushed out first.</summary>
    public long Admission { get; set; }

    /// <summary>The sequences that wait for this one's prompt, or of which this is one.</summary>
    public SequenceGroup? Group { get; set; }

    public StepOutbox? Outbox { get; set; }

    /// <summary>Timestamps of the engine's clock; <see cref="long.MaxValue"/> = none.</summary>
    public long Deadline { get; set; } = long.MaxValue;

    public long QueueDeadline { get; set; } = long.MaxValue;

    /// <summary>-1 until it is first admitted: prompt tokens that came from the prefix cache.</summary>
    public int CachedTokens { get; set; } = -1;

    /// <summary>Tokens that an earlier attempt had published.</summary>
    public int ResumedTokens { get; }

    /// <summary>Counts of the tokens that penalties look at; null without penalties.</summary>
    public SeenTokens? Seen { get; private set; }

    /// <summary>One entry a prompt position where they were asked for, filled chunk by chunk.</summary>
    public TokenLogprobs?[]? PromptLogprobs { get; set; }

    public bool ArePromptLogprobsDone { get; set; }

    /// <summary>The whole prompt must be computed here, whatever the cache holds, for its log probabilities.</summary>
    public bool NeedsPromptLogprobs => Request.Sampling.PromptLogprobs is not null && ResumedTokens == 0 && !ArePromptLogprobsDone;

    /// <summary>Without new tokens it ends when its prompt is computed.</summary>
    public bool WantsTokens => MaxTokens > 0;

    public bool AwaitsStopMask => OutputLength < Request.MinTokens;

    /// <summary>Its longer room is under way.</summary>
    public bool AwaitsRoom => _room.AwaitsNext;

    public ReadOnlySpan<int> StopTokens => _stopTokens;

    public void Append(int token)
    {
        if (Count == _room.Length)
        {
            MoveToNextRoom();
        }

        _room.Tokens[Count++] = token;
        Seen?.Add(token, 1);
        if (PromptLength + (long)MaxTokens >= _room.Length)
        {
            _room.Prepare(Count);
        }
    }

    /// <summary>Holds from the next token on; its place in a queue is the scheduler's.</summary>
    /// <param name="seen">Empty, with room for all that may come, where the change brings penalties.</param>
    public void Change(SequenceChange change, SeenTokens? seen)
    {
        MaxTokens = change.MaxTokens ?? MaxTokens;
        Priority = change.Priority ?? Priority;
        if (change.Sampling is not { } sampling)
        {
            return;
        }

        var sawTokens = SeenTokens.AreWantedBy(Sampling);
        Sampling = sampling;
        if (!SeenTokens.AreWantedBy(sampling))
        {
            Seen = null;
        }
        else if (!sawTokens)
        {
            Seen = seen;
            Seen!.Add(Tokens[..PromptLength], Output);
        }
    }

    /// <summary>How it ends behind its last token, or null where it goes on.</summary>
    public SequenceEnd? FindEnd(int maxLength)
    {
        if (OutputLength > 0 && OutputLength >= Request.MinTokens && _stopTokens.AsSpan().Contains(_room.Tokens[Count - 1]))
        {
            return new SequenceEnd(FinishReason.Stop, _room.Tokens[Count - 1]);
        }

        return OutputLength >= MaxTokens || Count >= maxLength ? Ends.Length : null;
    }

    private void MoveToNextRoom()
    {
        var next = _room.Next();
        Tokens.CopyTo(next.Tokens);
        Tables.MoveTo(next);
        if (Seen is { } seen && next.Seen is { } longer)
        {
            longer.Add(seen);
            Seen = longer;
        }

        _room = next;
    }
}

/// <summary>Ends without anything of their own.</summary>
internal static class Ends
{
    public static SequenceEnd Length { get; } = new(FinishReason.Length);

    public static SequenceEnd TimedOut { get; } = new(FinishReason.TimedOut, Message: "The request's time limit passed.");

    public static SequenceEnd QueueTimedOut { get; } = new(FinishReason.QueueTimedOut, Message: "The request waited longer than its queue limit.");

    public static SequenceEnd ShutDown { get; } = new(FinishReason.ShutDown, Message: "The server is stopping.");
}
