using System.Buffers;
using OrleansLLM.Sequences;

namespace OrleansLLM.Cluster;

/// <summary>
/// The second copy of what a worker computed: all that a gateway needs to go on where another one died. Promises: a copy holds what its gateway may
/// have shown before the gateway gets it; an ended one is kept for <see cref="Retention"/>; beyond <see cref="MostBytes"/> ended ones go first,
/// then nothing new is copied. May be called from any thread.
/// </summary>
internal sealed class AttemptCopies(TimeProvider time)
{
    public static readonly TimeSpan Retention = TimeSpan.FromSeconds(60);

    public const long MostBytes = 256 << 20;

    private readonly Lock _lock = new();
    private readonly Dictionary<SequenceId, Copy> _copies = [];
    private readonly Queue<(AttemptId Attempt, long At)> _ended = [];
    private long _bytes;

    /// <summary>Attempts that were accepted.</summary>
    public void Begin(AttemptMessage message)
    {
        var journal = message.Journal.Read();
        lock (_lock)
        {
            Evict();
            foreach (var sequence in journal.Sequences.Where(sequence => _bytes < MostBytes && !IsKnown(sequence.Id, new Epoch(message.Epoch))))
            {
                Add(new Copy(new AttemptId(sequence.Id, new Epoch(message.Epoch)), message.Journal, journal.Request.PromptIds.Length, message.Gateway, time.GetTimestamp())
                {
                    Fingerprints = message.Fingerprints?.Where(mark => mark.Sequence == sequence.Id).ToArray(),
                });
            }
        }

        Append(message.Published);
    }

    /// <summary>An attempt that was refused after all.</summary>
    public void Drop(AttemptId attempt)
    {
        lock (_lock)
        {
            if (Find(attempt) is not null)
            {
                Remove(attempt.Sequence);
            }
        }
    }

    /// <summary>Children of an attempt that were accepted: they begin with its tokens before a position, changed as it is now.</summary>
    public void Fork(ForkMessage message)
    {
        lock (_lock)
        {
            if (Find(message.Parent) is not { } parent || _bytes >= MostBytes)
            {
                return;
            }

            foreach (var id in message.Children)
            {
                var child = new Copy(message.Parent with { Sequence = id }, parent.Journal, Math.Min(message.At, parent.PromptLength), parent.Gateway, time.GetTimestamp())
                {
                    Fingerprints = parent.Fingerprints?.Select(mark => mark with { Sequence = id, Position = Math.Min(mark.Position, message.At) }).ToArray(),
                };
                child.Changes.AddRange(ChangesOf(parent).Select(change => change with { Position = Math.Min(change.Position, message.At) }));
                Add(child);
                ReadOnlySpan<byte> entries = parent.Entries.WrittenSpan;
                while (StepFormat.TryRead(ref entries, out var entry) && entry.Position < message.At)
                {
                    var bytes = new ArrayBufferWriter<byte>();
                    StepFormat.Append(bytes, entry with { Sequence = id, End = null });
                    Append(bytes.WrittenSpan);
                }
            }
        }
    }

    /// <summary>Takes what a step has published; what is there already, or belongs to nothing here, is passed over.</summary>
    /// <param name="entries">As <see cref="StepFormat"/> writes them.</param>
    public void Append(ReadOnlySpan<byte> entries)
    {
        lock (_lock)
        {
            var rest = entries;
            while (StepFormat.TryRead(ref rest, out var entry))
            {
                if (Find(AttemptId.Of(entry)) is { HasEnded: false } copy && copy.Next == entry.Position)
                {
                    var bytes = entries[..^rest.Length];
                    copy.Entries.Write(bytes);
                    copy.Next += entry.Token is null ? 0 : 1;
                    _bytes += bytes.Length;
                    if (entry.End is not null)
                    {
                        End(copy);
                    }
                }

                entries = rest;
            }
        }
    }

    public void Note(AttemptId attempt, NotedChangeMessage change)
    {
        lock (_lock)
        {
            Find(attempt)?.Changes.Add(change);
        }
    }

    /// <summary>The gateway has ended an attempt, or given the sequence to another worker.</summary>
    public void End(AttemptEndMessage message)
    {
        lock (_lock)
        {
            if (Find(message.Attempt) is { } copy)
            {
                (copy.End, copy.EndMark) = (message.End, message.EndMark);
                End(copy);
            }
        }
    }

    /// <summary>Everything of a request.</summary>
    public IReadOnlyList<CopyMessage> Of(RequestId request)
    {
        lock (_lock)
        {
            return [.. _copies.Values.Where(copy => copy.Attempt.Sequence.Request == request).Select(copy => new CopyMessage(
                copy.Attempt, copy.Journal, copy.PromptLength, copy.Entries.WrittenSpan.ToArray(), [.. copy.Changes], copy.End, copy.EndMark,
                time.GetElapsedTime(copy.Began), copy.Fingerprints))];
        }
    }

    /// <summary>The requests whose tokens go to a gateway's silo, or went there.</summary>
    public IReadOnlyList<RequestId> RequestsOf(string gatewayAddress)
    {
        lock (_lock)
        {
            Evict();
            return [.. _copies.Values.Where(copy => copy.Gateway.Address == gatewayAddress).Select(copy => copy.Attempt.Sequence.Request).Distinct()];
        }
    }

    /// <summary>Another gateway has the attempt from now on; what it lacks, as <see cref="StepFormat"/> writes it.</summary>
    public byte[] Redirect(RedirectMessage message)
    {
        lock (_lock)
        {
            if (Find(message.Attempt) is not { } copy)
            {
                return [];
            }

            copy.Gateway = message.Gateway;
            var missing = new ArrayBufferWriter<byte>();
            ReadOnlySpan<byte> entries = copy.Entries.WrittenSpan;
            while (StepFormat.TryRead(ref entries, out var entry))
            {
                if (entry.Position >= message.Next)
                {
                    StepFormat.Append(missing, entry);
                }
            }

            return missing.WrittenSpan.ToArray();
        }
    }

    private bool IsKnown(SequenceId sequence, Epoch epoch) => _copies.TryGetValue(sequence, out var copy) && copy.Attempt.Epoch >= epoch;

    private Copy? Find(AttemptId attempt) => _copies.TryGetValue(attempt.Sequence, out var copy) && copy.Attempt == attempt ? copy : null;

    /// <summary>Those of earlier attempts, too.</summary>
    private static IEnumerable<NotedChangeMessage> ChangesOf(Copy copy) =>
        (copy.Journal.Read().Sequences.FirstOrDefault(sequence => sequence.Id == copy.Attempt.Sequence)?.Changes ?? [])
        .Select(change => new NotedChangeMessage(change.Position, JournalFormat.WriteChange(change.Change)))
        .Concat(copy.Changes);

    private void Add(Copy copy)
    {
        Remove(copy.Attempt.Sequence);
        _copies.Add(copy.Attempt.Sequence, copy);
        _bytes += copy.HeldBytes;
    }

    private void End(Copy copy)
    {
        copy.HasEnded = true;
        _ended.Enqueue((copy.Attempt, time.GetTimestamp()));
    }

    private void Evict()
    {
        while (_ended.TryPeek(out var oldest) && (time.GetElapsedTime(oldest.At) > Retention || _bytes >= MostBytes))
        {
            _ended.Dequeue();
            if (Find(oldest.Attempt) is { HasEnded: true })
            {
                Remove(oldest.Attempt.Sequence);
            }
        }
    }

    private void Remove(SequenceId sequence)
    {
        if (_copies.Remove(sequence, out var copy))
        {
            _bytes -= copy.HeldBytes;
        }
    }

    private sealed class Copy(AttemptId attempt, JournalMessage journal, int promptLength, GatewayMessage gateway, long began)
    {
        public AttemptId Attempt { get; } = attempt;

        public JournalMessage Journal { get; } = journal;

        public int PromptLength { get; } = promptLength;

        public GatewayMessage Gateway { get; set; } = gateway;

        public long Began { get; } = began;

        public FingerprintMessage[]? Fingerprints { get; init; }

        public ArrayBufferWriter<byte> Entries { get; } = new();

        /// <summary>The position that comes next.</summary>
        public int Next { get; set; } = promptLength;

        public List<NotedChangeMessage> Changes { get; } = [];

        public EndReply? End { get; set; }

        public int? EndMark { get; set; }

        public bool HasEnded { get; set; }

        public long HeldBytes => Entries.WrittenCount + Journal.Bytes.Length;
    }
}
