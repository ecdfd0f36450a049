namespace OrleansLLM.Sequences;

/// <summary>
/// One append-only log and its readers. Promises: published tokens never change, ranges are slices of the log's own arrays, a slow
/// reader delays nobody, readers go on on the thread pool and never on the appender's thread. Every member may be called from any thread.
/// </summary>
internal sealed class SequenceLog
{
    private readonly Lock _lock = new();
    private readonly List<SequenceLogReader> _readers = [];
    private readonly List<JournalChange> _changes = [];
    private readonly List<FingerprintMark> _fingerprints = [];
    private readonly LogMemory _memory;
    private int[] _output = [];
    private TokenLogprobs?[] _outputLogprobs = [];
    private TokenLogprobs?[]? _promptLogprobs;
    private int _outputCount;
    private Epoch _epoch;
    private int _cachedTokens;
    private int? _endMark;
    private SequenceEnd? _end;
    private int _readBefore;
    private bool _isEndRead;
    private long _bytes;
    private bool _isReleased;

    /// <param name="memory">Counts what this log holds, until it is released. What a request's logs share counts at its first.</param>
    public SequenceLog(SequenceId id, GenerationRequest request, Epoch epoch, LogMemory memory)
    {
        (Id, Request, _epoch, _memory) = (id, request, epoch, memory);
        Charge(LogMemory.Of(request, 1) - (IsFirst ? 0 : LogMemory.Shared(request)));
    }

    public SequenceId Id { get; }

    public GenerationRequest Request { get; }

    /// <summary>Whether a reader came, if only for a moment.</summary>
    public bool WasRead { get; private set; }

    /// <summary>Ends the wait for a first or another reader; set by the registry, guarded by it.</summary>
    public ITimer? AbandonTimer { get; set; }

    public int PromptLength => Request.PromptIds.Length;

    public SequenceDescription Describe()
    {
        lock (_lock)
        {
            var phase = _end is null ? SequencePhase.Running : SequencePhase.Ended;
            return new SequenceDescription(Id, phase, PromptLength, VisibleCount, _cachedTokens, _end);
        }
    }

    /// <summary>It runs, and nobody reads it.</summary>
    public bool IsUnread
    {
        get
        {
            lock (_lock)
            {
                return _readers.Count == 0 && _end is null;
            }
        }
    }

    public JournalSequence Journal
    {
        get
        {
            lock (_lock)
            {
                return new JournalSequence(Id, _output.AsMemory(0, VisibleCount - PromptLength), [.. _changes], _end);
            }
        }
    }

    /// <summary>One entry a token, the first with what stands for all; without a token only what a log has before its first.</summary>
    public IReadOnlyList<StepEntry> EntriesOf(Epoch epoch)
    {
        lock (_lock)
        {
            var entries = new List<StepEntry>(_outputCount);
            for (var i = 0; i < _outputCount; i++)
            {
                entries.Add(new StepEntry(
                    Id, epoch, PromptLength + i, _output[i], i < _outputLogprobs.Length ? _outputLogprobs[i] : null, i == 0 ? _promptLogprobs : null,
                    _cachedTokens, null));
            }

            return entries;
        }
    }

    public void Note(JournalChange change)
    {
        lock (_lock)
        {
            _changes.Add(change);
        }
    }

    /// <summary>Which engines computed it, from which positions on.</summary>
    public IReadOnlyList<FingerprintMark> Fingerprints
    {
        get
        {
            lock (_lock)
            {
                return [.. _fingerprints];
            }
        }
    }

    /// <summary>What was noted for later positions does not hold any more.</summary>
    public void Note(FingerprintMark mark)
    {
        lock (_lock)
        {
            _fingerprints.RemoveAll(noted => noted.Position >= mark.Position);
            if (_fingerprints.Count == 0 || _fingerprints[^1].Fingerprint != mark.Fingerprint)
            {
                _fingerprints.Add(mark);
            }
        }
    }

    /// <summary>
    /// Starts with what another log holds before position <paramref name="at"/>, where this one's prompt ends or behind it, changed as that
    /// one is now.
    /// </summary>
    public void CopyFrom(SequenceLog parent, int at)
    {
        lock (parent._lock)
        {
            _outputCount = at - PromptLength;
            _output = parent._output.AsSpan(0, _outputCount).ToArray();
            _outputLogprobs = parent._outputLogprobs.AsSpan(0, Math.Min(_outputCount, parent._outputLogprobs.Length)).ToArray();
            _promptLogprobs = parent._promptLogprobs?.AsSpan(0, PromptLength).ToArray();
            _changes.AddRange(parent._changes.Select(noted => noted with { Position = Math.Min(noted.Position, at) }));
            parent._fingerprints.ForEach(mark => Note(mark with { Position = Math.Min(mark.Position, at) }));
            Charge(BytesOf(_output.Length, _outputLogprobs) + BytesOf(0, _promptLogprobs ?? []));
        }
    }

    public Epoch Epoch
    {
        get
        {
            lock (_lock)
            {
                return _epoch;
            }
        }
    }

    /// <summary>Entries of older attempts are dropped from now on.</summary>
    public void RaiseEpoch(Epoch epoch)
    {
        lock (_lock)
        {
            _epoch = epoch > _epoch ? epoch : _epoch;
        }
    }

    public AppendResult Append(in StepEntry entry)
    {
        lock (_lock)
        {
            // Exactly once: an entry counts only at the position that is missing, so a repetition changes nothing and a gap shows. The epoch
            // keeps out an attempt that was given up, whose tokens on another kind of device may differ from where the next one began.
            var next = PromptLength + _outputCount;
            if (_end is not null)
            {
                return AppendResult.Ended;
            }

            if (entry.Epoch < _epoch)
            {
                return AppendResult.OlderEpoch;
            }

            if (entry.Position != next)
            {
                return entry.Position < next ? AppendResult.Duplicate : AppendResult.Gap;
            }

            Apply(entry);
            WakeReaders();
            return AppendResult.Appended;
        }
    }

    /// <summary>False where the log has ended already.</summary>
    public bool End(SequenceEnd end)
    {
        lock (_lock)
        {
            if (_end is not null)
            {
                return false;
            }

            _end = end;
            WakeReaders();
            return true;
        }
    }

    /// <summary>
    /// Tokens at and behind <paramref name="at"/> are not shown any more, also where the log had ended by itself. Refused where an end mark
    /// is set already; what has ended can't be cancelled.
    /// </summary>
    public EndMarkResult Finish(int at, FinishReason reason)
    {
        lock (_lock)
        {
            if (_endMark is not null || at < PromptLength || (_end is not null && reason == FinishReason.Cancelled))
            {
                return EndMarkResult.Refused;
            }

            var result = _end is null ? EndMarkResult.Ended : EndMarkResult.Cut;
            _endMark = Math.Min(at, PromptLength + _outputCount);
            _end = new SequenceEnd(reason);
            WakeReaders();
            return result;
        }
    }

    /// <summary>Ends the log as cancelled if nobody reads it; false where a reader is there or the log has ended.</summary>
    public bool TryAbandon()
    {
        lock (_lock)
        {
            return _readers.Count == 0 && End(new SequenceEnd(FinishReason.Cancelled, Message: "Its last reader has left."));
        }
    }

    public SequenceLogReader Enter(int from, CancellationToken cancellation)
    {
        var reader = new SequenceLogReader(this, from, cancellation);
        lock (_lock)
        {
            WasRead = true;
            _readers.Add(reader);
        }

        return reader;
    }

    /// <summary>Counts no more: the registry has forgotten it.</summary>
    public void Release()
    {
        lock (_lock)
        {
            _isReleased = true;
            _memory.Add(-_bytes);
        }
    }

    /// <summary>True where the last reader has left a log that has not ended.</summary>
    public bool Leave(SequenceLogReader reader)
    {
        lock (_lock)
        {
            return _readers.Remove(reader) && _readers.Count == 0 && _end is null;
        }
    }

    /// <summary>
    /// What stands from <paramref name="from"/> on, or false where the reader has to wait. Each token and the end are given to one reader as what
    /// nobody had before.
    /// </summary>
    public bool TryRead(int from, out TokenRange range)
    {
        lock (_lock)
        {
            if (!TryLook(from, out range))
            {
                return false;
            }

            range = range with { ReadBefore = _readBefore, IsEndRead = _isEndRead };
            _readBefore = from < PromptLength ? _readBefore : Math.Max(_readBefore, range.Start + range.Ids.Length);
            _isEndRead |= range.End is not null;
            return true;
        }
    }

    /// <summary>Registers a reader's wait unless there is something to read by now.</summary>
    public bool TryWait(int from, SequenceLogReader reader)
    {
        lock (_lock)
        {
            if (TryLook(from, out _))
            {
                return false;
            }

            reader.IsWaiting = true;
            return true;
        }
    }

    /// <summary>Runs <paramref name="wake"/> if the reader still waits.</summary>
    public void StopWaiting(SequenceLogReader reader, Action<SequenceLogReader> wake)
    {
        lock (_lock)
        {
            if (reader.IsWaiting)
            {
                reader.IsWaiting = false;
                wake(reader);
            }
        }
    }

    private bool IsFirst => Id.Index == 0;

    private int VisibleCount => _endMark ?? (PromptLength + _outputCount);

    private void Apply(in StepEntry entry)
    {
        if (_outputCount == 0)
        {
            _cachedTokens = entry.CachedTokens;
        }

        if (entry.PromptLogprobs is { } logprobs)
        {
            _promptLogprobs = [.. logprobs];
            Charge(IsFirst ? BytesOf(0, _promptLogprobs) : IntPtr.Size * (long)_promptLogprobs.Length);
        }

        if (entry.Token is { } token)
        {
            MakeRoom(entry.Logprobs is not null);
            if (entry.Logprobs is { } known)
            {
                _outputLogprobs[_outputCount] = known;
                Charge(known.Bytes);
            }

            _output[_outputCount++] = token;
        }

        _end = entry.End;
    }

    /// <summary>Readers hold slices of the old arrays: they stay as they are.</summary>
    private void MakeRoom(bool forLogprobs)
    {
        if (_outputCount == _output.Length)
        {
            var length = Math.Max(_outputCount * 2, Math.Clamp(Request.MaxTokens, 1, 64));
            Charge(sizeof(int) * (long)(length - _output.Length));
            Array.Resize(ref _output, length);
        }

        if (_outputLogprobs.Length < _output.Length && (forLogprobs || _outputLogprobs.Length > 0))
        {
            Charge(IntPtr.Size * (long)(_output.Length - _outputLogprobs.Length));
            Array.Resize(ref _outputLogprobs, _output.Length);
        }
    }

    private void Charge(long bytes)
    {
        if (!_isReleased)
        {
            _bytes += bytes;
            _memory.Add(bytes);
        }
    }

    private static long BytesOf(int tokens, TokenLogprobs?[] logprobs) =>
        (sizeof(int) * (long)tokens) + (IntPtr.Size * (long)logprobs.Length) + logprobs.Sum(known => known?.Bytes ?? 0);

    private bool TryLook(int from, out TokenRange range) =>
        from < PromptLength ? TryReadPrompt(from, out range) : TryReadOutput(from, out range);

    private bool TryReadPrompt(int from, out TokenRange range)
    {
        if (Request.Sampling.PromptLogprobs is not null && _promptLogprobs is null && _end is null)
        {
            range = default;
            return false;
        }

        var logprobs = _promptLogprobs is null ? default : _promptLogprobs.AsMemory(from);
        var end = VisibleCount <= PromptLength ? _end : null;
        range = new TokenRange(from, Request.PromptIds[from..], logprobs, end);
        return true;
    }

    private bool TryReadOutput(int from, out TokenRange range)
    {
        var visible = VisibleCount;
        if (from >= visible)
        {
            range = new TokenRange(visible, default, default, _end) { Fingerprint = FingerprintAt(visible, out _) };
            return _end is not null;
        }

        var fingerprint = FingerprintAt(from, out var until);
        var (first, count) = (from - PromptLength, Math.Min(visible, until) - from);
        var logprobs = _outputLogprobs.Length == 0 ? default : _outputLogprobs.AsMemory(first, count);
        range = new TokenRange(from, _output.AsMemory(first, count), logprobs, from + count == visible ? _end : null) { Fingerprint = fingerprint };
        return true;
    }

    /// <param name="until">The position at which another one's tokens begin.</param>
    private string? FingerprintAt(int position, out int until)
    {
        (string? found, until) = (null, int.MaxValue);
        foreach (var mark in _fingerprints)
        {
            if (mark.Position > position)
            {
                until = mark.Position;
                break;
            }

            found = mark.Fingerprint;
        }

        return found;
    }

    private void WakeReaders()
    {
        foreach (var reader in _readers)
        {
            if (reader.IsWaiting)
            {
                reader.IsWaiting = false;
                reader.Wake();
            }
        }
    }
}
