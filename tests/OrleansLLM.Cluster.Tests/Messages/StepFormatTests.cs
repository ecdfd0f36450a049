using System.Buffers;
using OrleansLLM.Sequences;

namespace OrleansLLM.Cluster.Tests;

public sealed class StepFormatTests
{
    private static readonly SequenceId Sequence = new(new RequestId(3, ulong.MaxValue), 41);
    private static readonly TokenLogprobs Logprobs = new(-0.5f, 2, new[] { 4, 9 }, new[] { -0.25f, -0.5f });

    [Fact]
    public void Entries_come_back_as_they_were_written()
    {
        StepEntry[] entries =
        [
            new(Sequence, 1, 100, 5, null, null, 64, null),
            new(Sequence, 2, 101, 0, Logprobs, null, 0, null),
            new(Sequence, 3, 102, null, null, [null, Logprobs, null], 0, null),
            new(Sequence, 4, 103, 2, Logprobs, [], 0, new SequenceEnd(FinishReason.Stop, 2)),
            new(Sequence, 5, 104, null, null, null, 0, new SequenceEnd(FinishReason.Failed, null, "Äh.")),
            new(Sequence, 6, 105, null, null, null, 0, new SequenceEnd(FinishReason.Length)),
        ];

        Assert.Equal(entries.Select(Show), RoundTrip(entries).Select(Show));
    }

    [Fact]
    public void A_plain_token_takes_38_bytes()
    {
        var bytes = new ArrayBufferWriter<byte>();
        StepFormat.Append(bytes, new StepEntry(Sequence, 1, 100, 5, null, null, 64, null));

        Assert.Equal(38, bytes.WrittenCount);
    }

    [Fact]
    public void Another_version_is_refused_by_its_number()
    {
        var error = Assert.Throws<InvalidDataException>(() =>
        {
            ReadOnlySpan<byte> bytes = [9, 0, 0];
            StepFormat.TryRead(ref bytes, out _);
        });
        Assert.Contains("version 9", error.Message, StringComparison.Ordinal);
    }

    internal static List<StepEntry> Read(ReadOnlySpan<byte> bytes)
    {
        var read = new List<StepEntry>();
        while (StepFormat.TryRead(ref bytes, out var entry))
        {
            read.Add(entry);
        }

        return read;
    }

    private static List<StepEntry> RoundTrip(StepEntry[] entries)
    {
        var bytes = new ArrayBufferWriter<byte>();
        foreach (var entry in entries)
        {
            StepFormat.Append(bytes, entry);
        }

        return Read(bytes.WrittenSpan);
    }

    private static string Show(StepEntry entry) =>
        $"{entry with { Logprobs = null, PromptLogprobs = null }} {Show(entry.Logprobs)} [{string.Join(", ", entry.PromptLogprobs?.Select(Show) ?? ["none"])}]";

    private static string Show(TokenLogprobs? logprobs) => logprobs is null
        ? "null"
        : $"{logprobs.Logprob} {logprobs.Rank} {string.Join(" ", logprobs.TopIds.ToArray())} {string.Join(" ", logprobs.TopLogprobs.ToArray())}";
}
