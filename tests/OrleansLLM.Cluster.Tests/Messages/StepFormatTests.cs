using System.Buffers;
using OrleansLLM.Sequences;
using OrleansLLM.Testing;

namespace OrleansLLM.Cluster.Tests;

public sealed class StepFormatTests
{
    private static readonly SequenceId Sequence = new(new RequestId(3, ulong.MaxValue), 41);
    private static readonly TokenLogprobs Logprobs = new(-0.5f, 2, new[] { 4, 9 }, new[] { -0.25f, -0.5f });

    private static readonly RecordedBytes Recorded = new(
        $"tests/OrleansLLM.Cluster.Tests/Messages/Recorded/StepFormat.{StepFormat.Version}.txt",
        $"Version {StepFormat.Version} of StepFormat. A layout that differs is another version, in a file of its own.");

    [Fact]
    [Trait("Category", "Contract")]
    public void Its_version_is_written_as_recorded() => Recorded.Equal(RecordedSteps.Entries.Select(entry => (entry.Key, Written(entry.Value))));

    [Fact]
    public void What_is_recorded_is_read_field_by_field() => Assert.All(RecordedSteps.Entries, entry =>
        Assert.Equal(Fields.Of(entry.Value), Fields.Of(Assert.Single(Read(Recorded.Read(entry.Key))))));

    [Fact]
    public void No_two_recorded_fields_are_alike() => Fields.AllDiffer(RecordedSteps.Entries["everything"]);

    [Fact]
    public void Entries_come_back_as_they_were_written()
    {
        StepEntry[] entries =
        [
            new(Sequence, new Epoch(1), 100, 5, null, null, 64, null),
            new(Sequence, new Epoch(2), 101, 0, Logprobs, null, 0, null),
            new(Sequence, new Epoch(3), 102, null, null, [null, Logprobs, null], 0, null),
            new(Sequence, new Epoch(4), 103, 2, Logprobs, [], 0, new SequenceEnd(FinishReason.Stop, 2)),
            new(Sequence, new Epoch(5), 104, null, null, null, 0, new SequenceEnd(FinishReason.Failed, null, "Äh.")),
            new(Sequence, new Epoch(6), 105, null, null, null, 0, new SequenceEnd(FinishReason.Length)),
            new(Sequence, new Epoch(7), 106, null, null, null, 0, new SequenceEnd(FinishReason.Stop, 0)),
            new(Sequence, new Epoch(8), 107, null, null, null, 0, new SequenceEnd(FinishReason.Stop, 0, "")),
            new(Sequence, new Epoch(9), 108, null, null, null, 0, new SequenceEnd(FinishReason.Stop, 3, "By a token.")),
        ];

        Assert.Equal(Fields.Of(entries), Fields.Of(Read(Written(entries))));
    }

    [Fact]
    public void A_plain_token_takes_42_bytes() =>
        Assert.Equal(42, Written(new StepEntry(Sequence, new Epoch(1), 100, 5, null, null, 64, null)).Length);

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

    [Fact]
    public void Steps_as_version_1_wrote_them_are_refused_by_its_number()
    {
        var recorded = new RecordedBytes("tests/OrleansLLM.Cluster.Tests/Messages/Recorded/StepFormat.1.txt", "Version 1 of StepFormat.").Read("token");
        var error = Assert.Throws<InvalidDataException>(() => Read(recorded));
        Assert.Contains("version 1", error.Message, StringComparison.Ordinal);
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

    private static byte[] Written(params ReadOnlySpan<StepEntry> entries)
    {
        var bytes = new ArrayBufferWriter<byte>();
        foreach (var entry in entries)
        {
            StepFormat.Append(bytes, entry);
        }

        return bytes.WrittenSpan.ToArray();
    }
}
