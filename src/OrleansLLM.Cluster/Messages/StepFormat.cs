using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using OrleansLLM.Sequences;

namespace OrleansLLM.Cluster;

/// <summary>
/// Step entries as bytes, little-endian, one behind the other:
/// <code>
/// | version | parts | request 16 | index | epoch 8 | position | cached | [token] | [logprobs] | [prompt logprobs] | [end] | version | parts | …
/// </code>
/// Writing allocates nothing once the buffer has grown to the largest step.
/// </summary>
internal static class StepFormat
{
    /// <summary>Counts up when the layout changes.</summary>
    public const byte Version = 2;

    private const int HeadBytes = 2 + 16 + 8 + (3 * 4);

    [Flags]
    private enum Parts : byte
    {
        None = 0,
        Token = 1,
        Logprobs = 2,
        PromptLogprobs = 4,
        End = 8,
    }

    public static void Append(ArrayBufferWriter<byte> to, in StepEntry entry)
    {
        var head = to.GetSpan(HeadBytes);
        head[0] = Version;
        head[1] = (byte)PartsOf(entry);
        BinaryPrimitives.WriteUInt64LittleEndian(head[2..], entry.Sequence.Request.Lower);
        BinaryPrimitives.WriteUInt64LittleEndian(head[10..], entry.Sequence.Request.Upper);
        BinaryPrimitives.WriteInt32LittleEndian(head[18..], entry.Sequence.Index);
        BinaryPrimitives.WriteInt64LittleEndian(head[22..], entry.Epoch.Value);
        BinaryPrimitives.WriteInt32LittleEndian(head[30..], entry.Position);
        BinaryPrimitives.WriteInt32LittleEndian(head[34..], entry.CachedTokens);
        to.Advance(HeadBytes);
        if (entry.Token is { } token)
        {
            WriteInt(to, token);
        }

        if (entry.Logprobs is { } logprobs)
        {
            WriteLogprobs(to, logprobs);
        }

        if (entry.PromptLogprobs is { } prompt)
        {
            WritePromptLogprobs(to, prompt);
        }

        if (entry.End is { } end)
        {
            WriteEnd(to, end);
        }
    }

    /// <summary>Takes the first entry off <paramref name="bytes"/>; false at their end.</summary>
    /// <exception cref="InvalidDataException">Written by a program of another version.</exception>
    public static bool TryRead(ref ReadOnlySpan<byte> bytes, out StepEntry entry)
    {
        entry = default;
        if (bytes.IsEmpty)
        {
            return false;
        }

        if (bytes[0] != Version)
        {
            throw new InvalidDataException($"A worker sends steps of version {bytes[0]}, this gateway reads version {Version}.");
        }

        var parts = (Parts)bytes[1];
        var sequence = new SequenceId(
            new RequestId(Upper: BinaryPrimitives.ReadUInt64LittleEndian(bytes[10..]), Lower: BinaryPrimitives.ReadUInt64LittleEndian(bytes[2..])),
            BinaryPrimitives.ReadInt32LittleEndian(bytes[18..]));
        var epoch = new Epoch(BinaryPrimitives.ReadInt64LittleEndian(bytes[22..]));
        var position = BinaryPrimitives.ReadInt32LittleEndian(bytes[30..]);
        var cached = BinaryPrimitives.ReadInt32LittleEndian(bytes[34..]);
        bytes = bytes[HeadBytes..];
        entry = new StepEntry(
            sequence,
            epoch,
            position,
            parts.HasFlag(Parts.Token) ? ReadInt(ref bytes) : null,
            parts.HasFlag(Parts.Logprobs) ? ReadLogprobs(ref bytes) : null,
            parts.HasFlag(Parts.PromptLogprobs) ? ReadPromptLogprobs(ref bytes) : null,
            cached,
            parts.HasFlag(Parts.End) ? ReadEnd(ref bytes) : null);
        return true;
    }

    private static Parts PartsOf(in StepEntry entry) =>
        (entry.Token is null ? Parts.None : Parts.Token)
        | (entry.Logprobs is null ? Parts.None : Parts.Logprobs)
        | (entry.PromptLogprobs is null ? Parts.None : Parts.PromptLogprobs)
        | (entry.End is null ? Parts.None : Parts.End);

    private static void WriteInt(ArrayBufferWriter<byte> to, int value)
    {
        BinaryPrimitives.WriteInt32LittleEndian(to.GetSpan(4), value);
        to.Advance(4);
    }

    private static int ReadInt(ref ReadOnlySpan<byte> bytes)
    {
        var value = BinaryPrimitives.ReadInt32LittleEndian(bytes);
        bytes = bytes[4..];
        return value;
    }

    private static void WriteLogprobs(ArrayBufferWriter<byte> to, TokenLogprobs logprobs)
    {
        WriteInt(to, BitConverter.SingleToInt32Bits(logprobs.Logprob));
        WriteInt(to, logprobs.Rank);
        WriteInt(to, logprobs.TopIds.Length);
        foreach (var id in logprobs.TopIds.Span)
        {
            WriteInt(to, id);
        }

        foreach (var value in logprobs.TopLogprobs.Span)
        {
            WriteInt(to, BitConverter.SingleToInt32Bits(value));
        }
    }

    private static TokenLogprobs ReadLogprobs(ref ReadOnlySpan<byte> bytes)
    {
        var logprob = BitConverter.Int32BitsToSingle(ReadInt(ref bytes));
        var rank = ReadInt(ref bytes);
        var ids = new int[ReadInt(ref bytes)];
        var values = new float[ids.Length];
        foreach (ref var id in ids.AsSpan())
        {
            id = ReadInt(ref bytes);
        }

        foreach (ref var value in values.AsSpan())
        {
            value = BitConverter.Int32BitsToSingle(ReadInt(ref bytes));
        }

        return new TokenLogprobs(logprob, rank, ids, values);
    }

    private static void WritePromptLogprobs(ArrayBufferWriter<byte> to, IReadOnlyList<TokenLogprobs?> prompt)
    {
        WriteInt(to, prompt.Count);
        for (var i = 0; i < prompt.Count; i++)
        {
            WriteInt(to, prompt[i] is null ? 0 : 1);
            if (prompt[i] is { } logprobs)
            {
                WriteLogprobs(to, logprobs);
            }
        }
    }

    private static TokenLogprobs?[] ReadPromptLogprobs(ref ReadOnlySpan<byte> bytes)
    {
        var prompt = new TokenLogprobs?[ReadInt(ref bytes)];
        for (var i = 0; i < prompt.Length; i++)
        {
            prompt[i] = ReadInt(ref bytes) == 0 ? null : ReadLogprobs(ref bytes);
        }

        return prompt;
    }

    private static void WriteEnd(ArrayBufferWriter<byte> to, SequenceEnd end)
    {
        WriteInt(to, (int)end.Reason);
        WriteInt(to, end.StopToken ?? -1);
        if (end.Message is null)
        {
            WriteInt(to, -1);
            return;
        }

        var length = Encoding.UTF8.GetByteCount(end.Message);
        WriteInt(to, length);
        to.Advance(Encoding.UTF8.GetBytes(end.Message, to.GetSpan(length)));
    }

    private static SequenceEnd ReadEnd(ref ReadOnlySpan<byte> bytes)
    {
        var reason = (FinishReason)ReadInt(ref bytes);
        var stopToken = ReadInt(ref bytes);
        var length = ReadInt(ref bytes);
        if (length < 0)
        {
            return new SequenceEnd(reason, stopToken < 0 ? null : stopToken);
        }

        var message = Encoding.UTF8.GetString(bytes[..length]);
        bytes = bytes[length..];
        return new SequenceEnd(reason, stopToken < 0 ? null : stopToken, message);
    }
}
