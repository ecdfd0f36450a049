using OrleansLLM.Sequences;

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
/// a step closes part of the gap. Owned by the step's thread. Its arrays cost the step nothing: the submitter's thread makes them, or, for a follower
/// that has to wait, the thread pool before it starts.
/// </summary>
internal sealed class Sequence
{
    /// <summary>New tokens that a sequence has room for from the start.</summary>
    private const int FirstNewTokens = 1024;

    private readonly int[] _stopTokens;
    private readonly CacheShape _shape;
    private FirstRoom? _first;
    private volatile SequenceRoom _room = SequenceRoom.None;
    private LogprobRoom? _logprobs;
    private LogprobRoom? _promptLogprobs;
    private int _filledLogprobs;
    private volatile int _count;
    private volatile SequenceState _state;
    private volatile bool _isDropped;
    private readonly NotedChanges _changes = new();

    public Sequence(GenerationRequest request, Epoch epoch, JournalSequence journal, CacheShape shape)
        : this(request, epoch, journal.Id, journal.Output.Span, shape)
    {
        if (journal.Changes.Count == 0)
        {
            return;
        }

        MakeRoom();
        foreach (var noted in journal.Changes.Where(noted => noted.Position <= Count))
        {
            Change(noted.Change, PreparedChange.For(noted.Change, _room.Length, MaxTokens));
        }

        _room.Seen = Seen;
        foreach (var noted in journal.Changes.Where(noted => noted.Position > Count))
        {
            TryNote(noted.Position, noted.Change, PreparedChange.For(noted.Change, _room.Length, MaxTokens));
        }

        Priority = journal.Changes.LastOrDefault(noted => noted.Change.Priority is not null)?.Change.Priority ?? Priority;
    }

    public Sequence(GenerationRequest request, Epoch epoch, SequenceId id, ReadOnlySpan<int> output, CacheShape shape)
    {
        Id = id;
        Epoch = epoch;
        Request = request;
        PrefixOwner = request.PrefixOwner;
        Sampling = request.Sampling;
        MaxTokens = request.MaxTokens;
        Priority = request.Priority;
        PromptLength = request.PromptIds.Length;
        Count = NextPosition = PromptLength + output.Length;
        _stopTokens = [.. request.StopTokenIds];
        ResumedTokens = output.Length;
        _shape = shape;
        Tables = new BlockTables(shape.Groups.Count);
        if (output.Length > 0)
        {
            MoveInto(NewRoom(output));
        }
        else
        {
            _first = new FirstRoom(this);
        }
    }

    public SequenceId Id { get; }

    public Epoch Epoch { get; }

    public GenerationRequest Request { get; }

    /// <summary>The request's, made once.</summary>
    public string PrefixOwner { get; }

    public int PromptLength { get; }

    /// <summary>Tokens of prompt and output; any thread may read it.</summary>
    public int Count { get => _count; private set => _count = value; }

    /// <summary>Of the first token that is not being drawn yet; the inbox's lock guards it.</summary>
    public int NextPosition { get; set; }

    /// <summary>Tokens whose keys and values are in the cache.</summary>
    public int Computed { get; set; }

    public int OutputLength => Count - PromptLength;

    public ReadOnlySpan<int> Tokens => First(Count);

    public ReadOnlySpan<int> Output => Tokens[PromptLength..];

    public BlockTables Tables { get; }

    /// <summary>Any thread may read it.</summary>
    public SequenceState State { get => _state; set => _state = value; }

    public SamplingParameters Sampling { get; private set; }

    public int MaxTokens { get; private set; }

    public int Priority { get; set; }

    /// <summary>It was accepted before, here or on another engine, and goes ahead of what is new.</summary>
    public bool IsBegun => ResumedTokens > 0 || Epoch.Attempt > 1;

    /// <summary>Its caller asked for others before it, in the same breath: it leaves a quarter of the seats to first answers.</summary>
    public bool IsFurther => Request.PromptIndex > 0 || Id.Index > 0;

    /// <summary>Order of submission; a preempted sequence keeps it.</summary>
    public long Arrival { get; set; }

    /// <summary>Order of the last admission; the latest is pushed out first.</summary>
    public long Admission { get; set; }

    /// <summary>The last step that computes something of it.</summary>
    public long Step { get; set; } = -1;

    /// <summary>Its tokens when a better priority last took its place: until it has more it keeps the next one.</summary>
    public int YieldedAt { get; set; } = -1;

    /// <summary>The sequences that wait for this one's prompt, or of which this is one.</summary>
    public SequenceGroup? Group { get; set; }

    /// <summary>Another one computes the prompt for it.</summary>
    public bool IsFollower => Group is { } group && group.Leader != this;

    public StepOutbox? Outbox { get; set; }

    /// <summary>Its owner has let go of it: what a running step still makes of it is nobody's. Any thread may set it.</summary>
    public bool IsDropped { get => _isDropped; set => _isDropped = value; }

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
    public TokenLogprobs?[]? PromptLogprobs { get; private set; }

    public bool ArePromptLogprobsDone { get; set; }

    /// <summary>Logits of its prompt or of its next token are no numbers: it ends with this step, and its blocks are not to be shared.</summary>
    public bool AreLogitsBroken { get; set; }

    /// <summary>Its prompt's log probabilities are still to be published.</summary>
    public bool NeedsPromptLogprobs => Request.Sampling.PromptLogprobs is not null && ResumedTokens == 0 && !ArePromptLogprobsDone;

    /// <summary>The whole prompt must be computed here, whatever the cache holds: no answer of the request has filled in its log probabilities.</summary>
    public bool NeedsWholePrompt => NeedsPromptLogprobs && (PromptLogprobs is null || (PromptLength > 1 && PromptLogprobs[^1] is null));

    /// <summary>Without new tokens it ends when its prompt is computed.</summary>
    public bool WantsTokens => MaxTokens > 0;

    public bool AwaitsStopMask => OutputLength < Request.MinTokens;

    /// <summary>Its arrays are made: before that it has no output.</summary>
    public bool HasRoom => _room != SequenceRoom.None;

    /// <summary>Its first room or a further one is under way.</summary>
    public bool AwaitsRoom => _room.AwaitsNext || _first is { AwaitsNext: true } || _logprobs is { AwaitsNext: true };

    public ReadOnlySpan<int> StopTokens => _stopTokens;

    /// <summary>Has its arrays made, if it has none yet: it will start soon.</summary>
    public void WantRoom() => _first?.WantNext();

    /// <summary>Makes its arrays, if it has none yet.</summary>
    public void MakeRoom()
    {
        if (_first is { } first)
        {
            MoveInto(first.Next());
        }
    }

    public void Append(int token)
    {
        if (Count == _room.Length)
        {
            MoveToNextRoom();
        }

        _room.Tokens[Count] = token;
        Count++;
        Seen?.Add(token, 1);
        ApplyChanges();
        if (_room.IsAlmostFull(Count) && PromptLength + (long)MaxTokens >= _room.Length)
        {
            _room.WantNext();
        }
    }

    /// <summary>Copies the first tokens; from any thread, for those that <see cref="Count"/> counted before.</summary>
    public void CopyTo(Span<int> tokens) => First(tokens.Length).CopyTo(tokens);

    /// <summary>Log probabilities of the token that is drawn next.</summary>
    public TokenLogprobs FillLogprobs(float logprob, int rank, ReadOnlySpan<int> ids, ReadOnlySpan<float> values)
    {
        var room = _logprobs!;
        if (_filledLogprobs == room.Length)
        {
            (_logprobs, _filledLogprobs) = (room = room.Next(), 0);
        }

        var filled = room.Fill(_filledLogprobs++, logprob, rank, ids, values);
        if (_filledLogprobs > room.Length / 2 && MaxTokens - OutputLength > room.Length - _filledLogprobs)
        {
            room.WantNext();
        }

        return filled;
    }

    /// <summary>Makes room for the prompt's log probabilities, if it needs them and has none; submitters do it for the step's thread.</summary>
    public void PreparePromptLogprobs()
    {
        if (NeedsPromptLogprobs && PromptLogprobs is null)
        {
            _promptLogprobs = new LogprobRoom(PromptLength, Request.Sampling.PromptLogprobs!.Value);
            PromptLogprobs = new TokenLogprobs?[PromptLength];
        }
    }

    public void FillPromptLogprobs(int position, float logprob, int rank, ReadOnlySpan<int> ids, ReadOnlySpan<float> values)
    {
        PreparePromptLogprobs();
        PromptLogprobs![position] ??= _promptLogprobs!.Fill(position, logprob, rank, ids, values);
    }

    /// <summary>Takes over what another answer of the same request has of the prompt, computed or not.</summary>
    public void SharePromptLogprobs(Sequence other)
    {
        (_promptLogprobs, PromptLogprobs) = (other._promptLogprobs, other.PromptLogprobs);
        AreLogitsBroken = other.AreLogitsBroken;
    }

    /// <summary>
    /// Notes a change of limits or sampling that is to hold from a position on, which the step's thread has not passed; its priority is the
    /// scheduler's. False where the end has been found. May be called from any thread.
    /// </summary>
    public bool TryNote(int position, SequenceChange change, PreparedChange prepared) => _changes.TryNote(new NotedChange(position, change, prepared));

    /// <summary>Applies the changes that hold for the next token.</summary>
    public void ApplyChanges()
    {
        while (_changes.TryTake(Count, out var due))
        {
            Change(due.Change, due.Prepared);
        }
    }

    /// <summary>The end behind the last token, after which nothing is noted any more, or null where a change came before it.</summary>
    public SequenceEnd? Close(int maxLength)
    {
        while (FindEnd(maxLength) is { } end)
        {
            if (_changes.TryClose(Count))
            {
                return end;
            }

            ApplyChanges();
        }

        return null;
    }

    private void Change(SequenceChange change, PreparedChange prepared)
    {
        MaxTokens = change.MaxTokens ?? MaxTokens;
        if (change.Sampling is not { } sampling)
        {
            return;
        }

        MakeRoom();
        var sawTokens = SeenTokens.AreWantedBy(Sampling);
        Sampling = sampling;
        if (!SeenTokens.AreWantedBy(sampling))
        {
            Seen = null;
        }
        else if (!sawTokens)
        {
            Seen = prepared.Seen;
            Seen!.Add(Tokens[..PromptLength], Output);
        }

        (_logprobs, _filledLogprobs) = (prepared.Logprobs, 0);
    }

    /// <summary>How it ends behind its last token, or null where it goes on.</summary>
    public SequenceEnd? FindEnd(int maxLength)
    {
        if (OutputLength > 0 && OutputLength >= Request.MinTokens && _stopTokens.AsSpan().Contains(Tokens[^1]))
        {
            return new SequenceEnd(FinishReason.Stop, Tokens[^1]);
        }

        return OutputLength >= MaxTokens || Count >= maxLength ? Ends.Length : null;
    }

    private ReadOnlySpan<int> First(int count) => _room is { Length: > 0 } room ? room.Tokens.AsSpan(0, count) : Request.PromptIds.Span[..count];

    /// <summary>Also from the pool, before it has a room.</summary>
    private SequenceRoom NewRoom(ReadOnlySpan<int> output)
    {
        var length = Count + Math.Clamp(MaxTokens - output.Length, 0, FirstNewTokens) + 1;
        var room = new SequenceRoom(length, _shape) { Logprobs = LogprobRoom.For(Sampling, MaxTokens) };
        Request.PromptIds.Span.CopyTo(room.Tokens);
        output.CopyTo(room.Tokens.AsSpan(PromptLength));
        if (SeenTokens.AreWantedBy(Sampling))
        {
            room.Seen = new SeenTokens(length);
            room.Seen.Add(Request.PromptIds.Span, output);
        }

        return room;
    }

    private void MoveInto(SequenceRoom room)
    {
        Tables.MoveTo(room);
        (_logprobs, room.Logprobs) = (room.Logprobs, null);
        Seen = room.Seen;
        (_room, _first) = (room, null);
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

    private sealed class FirstRoom(Sequence sequence) : MadeAhead<SequenceRoom>
    {
        protected override SequenceRoom MakeNext() => sequence.NewRoom([]);
    }
}
