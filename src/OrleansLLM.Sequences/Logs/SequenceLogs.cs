using System.Runtime.CompilerServices;

namespace OrleansLLM.Sequences;

/// <summary>
/// The sequences' logs of one silo: what engines publish is appended here by position, and readers follow with cursors of their own.
/// Promises: an entry is appended only where its position equals the log's count and its epoch is not older; appending never waits for a
/// reader and never runs one; ended logs stay readable for a bounded time and size. Every member may be called from any thread.
/// </summary>
public sealed class SequenceLogs : IDisposable
{
    private static readonly TimeSpan LongestTimer = TimeSpan.FromDays(40);

    private readonly Lock _lock = new();
    private readonly LogIndex _logs = new();
    private readonly EndedLogs _ended;
    private readonly LogMemory _memory = new();
    private readonly SequenceLogOptions _options;
    private readonly TimeProvider _time;
    private readonly Action<SequenceId> _abandoned;
    private readonly Action<RequestId>? _forgotten;
    private readonly ITimer _sweep;
    private TimeSpan _leastLinger;

    /// <param name="abandoned">
    /// Called, on any thread and without a lock, when a sequence's last reader has left for longer than its linger. Its log has ended as
    /// cancelled by then; the owner cancels the work along the request's road.
    /// </param>
    /// <param name="forgotten">Called when a request's last log is forgotten; it must not block.</param>
    /// <exception cref="ArgumentException">Options can't be; the message says all that is wrong.</exception>
    public SequenceLogs(SequenceLogOptions options, TimeProvider time, Action<SequenceId> abandoned, Action<RequestId>? forgotten = null)
    {
        SequenceLogOptionsValidator.Validate(options).ThrowIfAny();
        _options = options;
        _time = time;
        _ended = new EndedLogs(_logs, options, time);
        (_abandoned, _forgotten) = (abandoned, forgotten);
        _sweep = time.CreateTimer(static state => ((SequenceLogs)state!).Sweep(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>
    /// Opens one log a sequence, which <see cref="Hold(IReadOnlyList{SequenceId})"/> or <see cref="Remove"/> follows, or none of them.
    /// </summary>
    public OpenResult Open(GenerationRequest request, IReadOnlyList<SequenceId> ids, Epoch epoch)
    {
        lock (_lock)
        {
            if (_logs.Contains(request.Id))
            {
                return OpenResult.Known;
            }

            var bytes = LogMemory.Of(request, ids.Count);
            Evict(bytes);
            if (_memory.Bytes + bytes > _options.MaxRetainedBytes)
            {
                return OpenResult.Full;
            }

            foreach (var id in ids)
            {
                _logs.Add(new SequenceLog(id, request, epoch, _memory));
            }

            return OpenResult.Opened;
        }
    }

    /// <summary>
    /// Opens <paramref name="count"/> new logs that begin with the tokens of <paramref name="parent"/> before position <paramref name="at"/>.
    /// Their ids go on behind the request's last one and are followed by the same as <see cref="Open"/>'s. Null where the parent is unknown or at is not in [1, its count].
    /// </summary>
    public IReadOnlyList<SequenceId>? OpenForks(SequenceId parent, int at, int count, Epoch epoch)
    {
        lock (_lock)
        {
            if (_logs.Find(parent) is not { } log || at < 1 || at > log.Describe().Tokens)
            {
                return null;
            }

            var request = at < log.PromptLength ? log.Request with { PromptIds = log.Request.PromptIds[..at] } : log.Request;
            var children = new List<SequenceId>(count);
            for (var i = 0; i < count; i++)
            {
                var child = new SequenceLog(_logs.NextId(parent.Request), request, epoch, _memory);
                child.CopyFrom(log, at);
                _logs.Add(child);
                children.Add(child.Id);
            }

            return children;
        }
    }

    /// <summary>
    /// Opens the logs of a request that another silo held, each with its own request (a fork inside the prompt has a shorter one), whatever
    /// the others hold: what was accepted once is not refused. Followed by <see cref="Append"/>, as their entries were published, and <see cref="Hold(IReadOnlyList{SequenceId}, TimeSpan)"/>.
    /// </summary>
    public OpenResult Restore(IReadOnlyList<KeyValuePair<SequenceId, GenerationRequest>> sequences)
    {
        lock (_lock)
        {
            if (_logs.Contains(sequences[0].Key.Request))
            {
                return OpenResult.Known;
            }

            foreach (var (id, request) in sequences)
            {
                _logs.Add(new SequenceLog(id, request, default, _memory));
            }

            Evict(0);
            return OpenResult.Opened;
        }
    }

    /// <summary>What was published of a sequence, as the entries of the attempt that begins with <paramref name="epoch"/> would have given it.</summary>
    public IReadOnlyList<StepEntry> EntriesOf(SequenceId sequence, Epoch epoch) => FindLog(sequence)?.EntriesOf(epoch) ?? [];

    /// <summary>
    /// From now on whoever leaves is waited for at least that long: this silo is stopping, readers don't leave by their own will, and another silo goes on.
    /// </summary>
    public void LingerAtLeast(TimeSpan time)
    {
        lock (_lock)
        {
            _leastLinger = time;
        }
    }

    /// <summary>About what all logs hold.</summary>
    public long Bytes => _memory.Bytes;

    /// <summary>What a request is told for which there is no room.</summary>
    public static SubmitResult.Refused Full { get; } = new(
        RefusalReason.Unavailable,
        "The answers that are under way hold all the memory that they may (--max-retained-bytes): try again later.",
        TimeSpan.FromSeconds(1));

    /// <summary>The ids of a request that is known, or null.</summary>
    public IReadOnlyList<SequenceId>? Find(RequestId request)
    {
        lock (_lock)
        {
            return _logs.Find(request);
        }
    }

    /// <summary>As <see cref="IGenerator.FindAsync"/>.</summary>
    public KnownRequest? FindRequest(RequestId request)
    {
        lock (_lock)
        {
            return _logs.Find(request) is { } ids ? new KnownRequest(_logs.Find(ids[0])!.Request, ids) : null;
        }
    }

    /// <summary>The request as this sequence sees it (a fork inside the prompt has the shorter one), or null.</summary>
    public GenerationRequest? RequestOf(SequenceId sequence) => FindLog(sequence)?.Request;

    /// <summary>
    /// What a next attempt needs to go on with this sequence: its shown tokens, which never change, its changes and its end; null where it is
    /// unknown.
    /// </summary>
    public JournalSequence? JournalOf(SequenceId sequence) => FindLog(sequence)?.Journal;

    /// <summary>Notes a change that the engine took, from that position on; forks begin with it.</summary>
    public void Note(SequenceId sequence, JournalChange change) => FindLog(sequence)?.Note(change);

    /// <summary>Notes which engine computes the sequence from a position on; it replaces what was noted for that position and behind it.</summary>
    public void Note(SequenceId sequence, FingerprintMark mark) => FindLog(sequence)?.Note(mark);

    /// <summary>Which engines computed the sequence, from which positions on; forks begin with their parent's.</summary>
    public IReadOnlyList<FingerprintMark> FingerprintsOf(SequenceId sequence) => FindLog(sequence)?.Fingerprints ?? [];

    /// <summary>What the log knows: whether it ended and with how many tokens; null where it is unknown.</summary>
    public SequenceDescription? Describe(SequenceId sequence) => FindLog(sequence)?.Describe();

    /// <summary>Of the attempt whose entries are appended; the least where the sequence is unknown.</summary>
    public Epoch EpochOf(SequenceId sequence) => FindLog(sequence)?.Epoch ?? default;

    /// <summary>From now on entries of older attempts are dropped.</summary>
    public void RaiseEpoch(SequenceId sequence, Epoch epoch) => FindLog(sequence)?.RaiseEpoch(epoch);

    public AppendResult Append(in StepEntry entry)
    {
        if (FindLog(entry.Sequence) is not { } log)
        {
            return AppendResult.Unknown;
        }

        var result = log.Append(entry);
        if (result == AppendResult.Appended && entry.End is not null)
        {
            Retain(log);
        }

        return result;
    }

    /// <summary>Ends a sequence; false where it is unknown or has ended.</summary>
    public bool End(SequenceId sequence, SequenceEnd end)
    {
        if (FindLog(sequence) is not { } log || !log.End(end))
        {
            return false;
        }

        Retain(log);
        return true;
    }

    /// <summary>
    /// Sets the end mark: tokens at and behind position <paramref name="at"/> are not shown, also where the sequence had ended by itself.
    /// False where it is unknown, its mark is set, or at lies inside the prompt, and where it is to be cancelled but has ended.
    /// </summary>
    public bool Finish(SequenceId sequence, int at, FinishReason reason)
    {
        var log = FindLog(sequence);
        var result = log?.Finish(at, reason) ?? EndMarkResult.Refused;
        if (result == EndMarkResult.Ended)
        {
            Retain(log!);
        }

        return result != EndMarkResult.Refused;
    }

    /// <summary>
    /// The sequences were accepted: their submitter counts as their reader until the first read, for <see cref="SequenceLogOptions.SubmitterHold"/>
    /// from now on.
    /// </summary>
    public void Hold(IReadOnlyList<SequenceId> sequences) => Hold(sequences, _options.SubmitterHold);

    /// <summary>The same for another time.</summary>
    public void Hold(IReadOnlyList<SequenceId> sequences, TimeSpan time)
    {
        lock (_lock)
        {
            foreach (var id in sequences)
            {
                if (_logs.Find(id) is { AbandonTimer: null, IsUnread: true } log)
                {
                    ArmAbandonTimer(log, time);
                }
            }
        }
    }

    /// <summary>Forgets sequences that were refused after their logs were opened.</summary>
    public void Remove(IReadOnlyList<SequenceId> sequences)
    {
        lock (_lock)
        {
            foreach (var id in sequences)
            {
                Forget(id);
            }
        }
    }

    /// <summary>As <see cref="IGenerator.ReadAsync"/>.</summary>
    public async IAsyncEnumerable<TokenRange> ReadAsync(
        SequenceId sequence, int from, [EnumeratorCancellation] CancellationToken cancellation)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(from);
        var log = FindLog(sequence) ?? throw new UnknownSequenceException(sequence);
        var reader = Enter(log, from, cancellation);
        try
        {
            while (true)
            {
                if (!reader.TryRead(out var range))
                {
                    await reader.WaitAsync().ConfigureAwait(false);
                    continue;
                }

                yield return range;
                cancellation.ThrowIfCancellationRequested();
                if (range.End is not null)
                {
                    yield break;
                }
            }
        }
        finally
        {
            Leave(log, reader, log.Request.Linger);
        }
    }

    /// <summary>
    /// Counts as a reader from now on, whether it reads or not, until it leaves: for one in another silo, who comes again and again. Null where the sequence
    /// is unknown.
    /// </summary>
    public Attendance? Attend(SequenceId sequence)
    {
        if (FindLog(sequence) is not { } log)
        {
            return null;
        }

        var reader = Enter(log, 0, CancellationToken.None);
        return new Attendance(least => Leave(log, reader, least > log.Request.Linger ? least : log.Request.Linger));
    }

    /// <summary>What stands from a position on, or null where nothing came until the cancellation.</summary>
    /// <exception cref="UnknownSequenceException">Nothing by that id is, or is still, known.</exception>
    public async ValueTask<TokenRange?> ReadOnceAsync(SequenceId sequence, int from, CancellationToken cancellation)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(from);
        var log = FindLog(sequence) ?? throw new UnknownSequenceException(sequence);
        var reader = Enter(log, from, cancellation);
        try
        {
            TokenRange range;
            while (!reader.TryRead(out range))
            {
                await reader.WaitAsync().ConfigureAwait(false);
            }

            return range;
        }
        catch (OperationCanceledException)
        {
            return null;
        }
        finally
        {
            Leave(log, reader, log.Request.Linger);
        }
    }

    public void Dispose()
    {
        _sweep.Dispose();
        lock (_lock)
        {
            foreach (var log in _logs.All)
            {
                log.AbandonTimer?.Dispose();
            }
        }
    }

    private SequenceLog? FindLog(SequenceId sequence)
    {
        lock (_lock)
        {
            return _logs.Find(sequence);
        }
    }

    private SequenceLogReader Enter(SequenceLog log, int from, CancellationToken cancellation)
    {
        lock (_lock)
        {
            log.AbandonTimer?.Dispose();
            log.AbandonTimer = null;
            return log.Enter(from, cancellation);
        }
    }

    private void Leave(SequenceLog log, SequenceLogReader reader, TimeSpan linger)
    {
        reader.Dispose();
        lock (_lock)
        {
            if (!log.Leave(reader))
            {
                return;
            }

            linger = linger > _leastLinger ? linger : _leastLinger;
            if (linger > TimeSpan.Zero)
            {
                ArmAbandonTimer(log, linger);
                return;
            }
        }

        Abandon(log);
    }

    private void ArmAbandonTimer(SequenceLog log, TimeSpan after) => log.AbandonTimer = _time.CreateTimer(
        _ => Abandon(log), null, after < LongestTimer ? after : LongestTimer, Timeout.InfiniteTimeSpan);

    private void Abandon(SequenceLog log)
    {
        if (log.TryAbandon())
        {
            Retain(log);
            _abandoned(log.Id);
        }
    }

    private void Retain(SequenceLog log)
    {
        lock (_lock)
        {
            log.AbandonTimer?.Dispose();
            log.AbandonTimer = null;
            _ended.Add(log.Id);
        }

        Sweep();
    }

    private void Sweep()
    {
        lock (_lock)
        {
            Evict(0);
            if (_ended.UntilNext is { } wait)
            {
                _sweep.Change(wait, Timeout.InfiniteTimeSpan);
            }
        }
    }

    /// <summary>Forgets ended logs whose time is over, or for which there is no room beside <paramref name="more"/> bytes.</summary>
    private void Evict(long more)
    {
        while (_ended.TryTake(_memory.Bytes + more, out var id))
        {
            Forget(id);
        }
    }

    private void Forget(SequenceId id)
    {
        if (_logs.Remove(id) is { } log)
        {
            log.AbandonTimer?.Dispose();
            log.Release();
            if (!_logs.Contains(id.Request))
            {
                _forgotten?.Invoke(id.Request);
            }
        }
    }
}
