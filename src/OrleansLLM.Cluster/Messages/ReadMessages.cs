using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using OrleansLLM.Sequences;

namespace OrleansLLM.Cluster;

/// <summary>A request that another gateway's silo has the logs of.</summary>
/// <param name="Journal">Its request, without what was published.</param>
/// <param name="Sequences">In the order in which they were made, forks included.</param>
[GenerateSerializer, Immutable, Alias("OrleansLLM.KnownReply")]
public sealed record KnownReply([property: Id(0)] JournalMessage Journal, [property: Id(1)] SequenceId[] Sequences)
{
    [return: NotNullIfNotNull(nameof(known))]
    public static KnownReply? From(KnownRequest? known) =>
        known is null ? null : new(JournalMessage.From(new Journal(known.Request, [])), [.. known.Sequences]);

    public KnownRequest ToKnown() => new(Journal.Read().Request, Sequences);
}

/// <summary>A <see cref="TokenRange"/> on its way.</summary>
/// <param name="Ids">Little-endian int32 ids; with <paramref name="Logprobs"/> none, which has them, too.</param>
/// <param name="Logprobs">Tokens with their log probabilities, as <see cref="StepFormat"/> writes them; empty where there are none.</param>
/// <param name="ReadBefore">As <see cref="TokenRange.ReadBefore"/>.</param>
/// <param name="IsEndRead">As <see cref="TokenRange.IsEndRead"/>.</param>
/// <param name="Fingerprint">As <see cref="TokenRange.Fingerprint"/>.</param>
[GenerateSerializer, Immutable, Alias("OrleansLLM.RangeReply")]
public sealed record RangeReply(
    [property: Id(0)] int Start, [property: Id(1)] byte[] Ids, [property: Id(2)] byte[] Logprobs, [property: Id(3)] EndReply? End,
    [property: Id(4)] int ReadBefore, [property: Id(5)] bool IsEndRead, [property: Id(6)] string? Fingerprint = null)
{
    public static RangeReply From(SequenceId sequence, in TokenRange range)
    {
        var (ids, logprobs) = range.Logprobs.IsEmpty
            ? (MemoryMarshal.AsBytes(range.Ids.Span).ToArray(), (byte[])[])
            : ([], Write(sequence, range));
        return new RangeReply(range.Start, ids, logprobs, EndReply.From(range.End), range.ReadBefore, range.IsEndRead, range.Fingerprint);
    }

    public TokenRange ToRange()
    {
        var ids = new List<int>(MemoryMarshal.Cast<byte, int>(Ids).ToArray());
        var logprobs = new List<TokenLogprobs?>();
        ReadOnlySpan<byte> entries = Logprobs;
        while (StepFormat.TryRead(ref entries, out var entry))
        {
            ids.Add(entry.Token!.Value);
            logprobs.Add(entry.Logprobs);
        }

        return new TokenRange(Start, ids.ToArray(), logprobs.ToArray(), End?.ToEnd()) { ReadBefore = ReadBefore, IsEndRead = IsEndRead, Fingerprint = Fingerprint };
    }

    private static byte[] Write(SequenceId sequence, in TokenRange range)
    {
        var bytes = new ArrayBufferWriter<byte>();
        for (var i = 0; i < range.Ids.Length; i++)
        {
            StepFormat.Append(bytes, new StepEntry(sequence, default, range.Start + i, range.Ids.Span[i], range.Logprobs.Span[i], null, 0, null));
        }

        return bytes.WrittenSpan.ToArray();
    }
}
