namespace OrleansLLM;

/// <summary>
/// Journals and changes as bytes. The first byte is the version; all that follows is little-endian, without padding; token ids are raw
/// int32 blobs, lists and texts carry their length in front, an optional value a byte that is 0 or 1.
/// <code>
/// journal:  | 1 | request | count | sequence 0 | sequence 1 | … |
///           | 2 | prompt index | request | …                     |   where the index is not 0
///           | 3 | prompt index | envelope | request | …          |   where there is an envelope
/// change:   | 1 | change |
/// sequence: | index | output ids | count | (position, change)… | end |
/// </code>
/// </summary>
public static class JournalFormat
{
    /// <summary>Counts up when the layout changes; bytes of a later version are refused.</summary>
    public const byte Version = 3;

    private const byte WithoutPromptIndex = 1;
    private const byte WithoutEnvelope = 2;

    public static byte[] Write(Journal journal)
    {
        var request = journal.Request;
        var to = new JournalWriter(64 + (4 * request.PromptIds.Length) + request.Envelope.Length);
        var version = !request.Envelope.IsEmpty ? Version : request.PromptIndex != 0 ? WithoutEnvelope : WithoutPromptIndex;
        to.Byte(version);
        if (version >= WithoutEnvelope)
        {
            to.Int(request.PromptIndex);
        }

        if (version > WithoutEnvelope)
        {
            to.Bytes(request.Envelope.Span);
        }

        WriteRequest(to, request);
        to.List(journal.Sequences, WriteSequence);
        return to.ToArray();
    }

    /// <exception cref="JournalFormatException">The bytes are cut off, damaged or of another version.</exception>
    public static Journal Read(ReadOnlySpan<byte> bytes)
    {
        var from = Open(bytes, Version, out var version);
        var promptIndex = version >= WithoutEnvelope ? from.Int() : 0;
        byte[] envelope = version > WithoutEnvelope ? from.Bytes() : [];
        var request = ReadRequest(ref from) with { PromptIndex = promptIndex, Envelope = envelope };
        var journal = new Journal(request, from.List((ref JournalReader item) => ReadSequence(ref item, request.Id)));
        from.End();
        return journal;
    }

    public static byte[] WriteChange(SequenceChange change)
    {
        var to = new JournalWriter(16);
        to.Byte(WithoutPromptIndex);
        WriteChange(to, change);
        return to.ToArray();
    }

    /// <exception cref="JournalFormatException">The bytes are cut off, damaged or of another version.</exception>
    public static SequenceChange ReadChange(ReadOnlySpan<byte> bytes)
    {
        var from = Open(bytes, WithoutPromptIndex, out _);
        var change = ReadChange(ref from);
        from.End();
        return change;
    }

    private static JournalReader Open(ReadOnlySpan<byte> bytes, byte latest, out byte version)
    {
        var from = new JournalReader(bytes);
        version = from.Byte();
        return version >= 1 && version <= latest
            ? from
            : throw new JournalFormatException(
                $"The journal is of version {version}, this program reads up to version {latest}: let the other program finish its requests before it is replaced.");
    }

    private static void WriteRequest(JournalWriter to, GenerationRequest request)
    {
        to.ULong(request.Id.Lower);
        to.ULong(request.Id.Upper);
        to.Text(request.Model);
        to.Ints(request.PromptIds.Span);
        to.Int(request.Samples);
        WriteSampling(to, request.Sampling);
        to.Ints([.. request.StopTokenIds]);
        to.Int(request.MaxTokens);
        to.Int(request.MinTokens);
        to.Int(request.Priority);
        to.Text(request.Tenant);
        to.Text(request.CacheSalt);
        to.Long(request.Linger.Ticks);
        to.Optional(request.Timeout?.Ticks, to.Long);
        to.Optional(request.QueueTimeout?.Ticks, to.Long);
    }

    private static GenerationRequest ReadRequest(ref JournalReader from) => new()
    {
        Id = new RequestId(Lower: from.ULong(), Upper: from.ULong()),
        Model = from.Text(),
        PromptIds = from.Ints(),
        Samples = from.Int(),
        Sampling = ReadSampling(ref from),
        StopTokenIds = from.Ints(),
        MaxTokens = from.Int(),
        MinTokens = from.Int(),
        Priority = from.Int(),
        Tenant = from.Text(),
        CacheSalt = from.Text(),
        Linger = TimeSpan.FromTicks(from.Long()),
        Timeout = from.Flag() ? TimeSpan.FromTicks(from.Long()) : null,
        QueueTimeout = from.Flag() ? TimeSpan.FromTicks(from.Long()) : null,
    };

    private static void WriteSampling(JournalWriter to, SamplingParameters sampling)
    {
        to.Float(sampling.Temperature);
        to.Float(sampling.TopP);
        to.Int(sampling.TopK);
        to.Float(sampling.MinP);
        to.Float(sampling.RepetitionPenalty);
        to.Float(sampling.PresencePenalty);
        to.Float(sampling.FrequencyPenalty);
        to.List(sampling.LogitBias, (writer, bias) =>
        {
            writer.Int(bias.Key);
            writer.Float(bias.Value);
        });
        to.Ints([.. sampling.AllowedTokenIds]);
        to.List(sampling.BadWords, (writer, word) => writer.Ints([.. word]));
        to.ULong(sampling.Seed);
        to.Optional(sampling.Logprobs, to.Int);
        to.Optional(sampling.PromptLogprobs, to.Int);
    }

    private static SamplingParameters ReadSampling(ref JournalReader from) => new()
    {
        Temperature = from.Float(),
        TopP = from.Float(),
        TopK = from.Int(),
        MinP = from.Float(),
        RepetitionPenalty = from.Float(),
        PresencePenalty = from.Float(),
        FrequencyPenalty = from.Float(),
        LogitBias = from.List((ref JournalReader item) => KeyValuePair.Create(item.Int(), item.Float())),
        AllowedTokenIds = from.Ints(),
        BadWords = from.List((ref JournalReader item) => (IReadOnlyList<int>)item.Ints()),
        Seed = from.ULong(),
        Logprobs = from.Flag() ? from.Int() : null,
        PromptLogprobs = from.Flag() ? from.Int() : null,
    };

    private static void WriteSequence(JournalWriter to, JournalSequence sequence)
    {
        to.Int(sequence.Id.Index);
        to.Ints(sequence.Output.Span);
        to.List(sequence.Changes, (writer, change) =>
        {
            writer.Int(change.Position);
            WriteChange(writer, change.Change);
        });
        to.Flag(sequence.End is not null);
        if (sequence.End is { } end)
        {
            to.Byte((byte)end.Reason);
            to.Optional(end.StopToken, to.Int);
            to.Flag(end.Message is not null);
            to.Text(end.Message ?? "");
        }
    }

    private static JournalSequence ReadSequence(ref JournalReader from, RequestId request) => new(
        new SequenceId(request, from.Int()),
        from.Ints(),
        from.List((ref JournalReader item) => new JournalChange(item.Int(), ReadChange(ref item))),
        from.Flag() ? ReadEnd(ref from) : null);

    private static SequenceEnd ReadEnd(ref JournalReader from)
    {
        var reason = (FinishReason)from.Byte();
        int? stopToken = from.Flag() ? from.Int() : null;
        var hasMessage = from.Flag();
        var message = from.Text();
        return Enum.IsDefined(reason)
            ? new SequenceEnd(reason, stopToken, hasMessage ? message : null)
            : throw new JournalFormatException($"The journal names finish reason {(byte)reason}, which does not exist.");
    }

    private static void WriteChange(JournalWriter to, SequenceChange change)
    {
        to.Optional(change.MaxTokens, to.Int);
        to.Optional(change.Priority, to.Int);
        to.Flag(change.Sampling is not null);
        if (change.Sampling is { } sampling)
        {
            WriteSampling(to, sampling);
        }
    }

    private static SequenceChange ReadChange(ref JournalReader from) => new(
        from.Flag() ? from.Int() : null,
        from.Flag() ? from.Int() : null,
        from.Flag() ? ReadSampling(ref from) : null);
}
