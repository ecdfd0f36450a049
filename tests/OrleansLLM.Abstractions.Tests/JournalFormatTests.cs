using OrleansLLM.Testing;

namespace OrleansLLM.Abstractions.Tests;

public sealed class JournalFormatTests
{
    private static readonly RecordedBytes Recorded = RecordedOf(1);
    private static readonly RecordedBytes RecordedWithIndex = RecordedOf(2);
    private static readonly RecordedBytes RecordedWithEnvelope = RecordedOf(3);

    [Fact]
    [Trait("Category", "Contract")]
    public void Its_versions_are_written_as_recorded()
    {
        Recorded.Equal(
        [
            ("journal", JournalFormat.Write(RecordedJournal.WithoutIndex)),
            ("bare journal", JournalFormat.Write(RecordedJournal.BareJournal)),
            ("change", JournalFormat.WriteChange(RecordedJournal.Change)),
            ("bare change", JournalFormat.WriteChange(new SequenceChange())),
        ]);
        RecordedWithIndex.Equal([("journal", JournalFormat.Write(RecordedJournal.WithoutEnvelope))]);
        RecordedWithEnvelope.Equal(
        [
            ("journal", JournalFormat.Write(RecordedJournal.Journal)),
            ("journal of the first prompt", JournalFormat.Write(RecordedJournal.FirstJournal)),
        ]);
    }

    [Fact]
    public void What_is_recorded_is_read_field_by_field()
    {
        Assert.Equal(Fields.Of(RecordedJournal.WithoutIndex), Fields.Of(JournalFormat.Read(Recorded.Read("journal"))));
        Assert.Equal(Fields.Of(RecordedJournal.BareJournal), Fields.Of(JournalFormat.Read(Recorded.Read("bare journal"))));
        Assert.Equal(Fields.Of(RecordedJournal.Change), Fields.Of(JournalFormat.ReadChange(Recorded.Read("change"))));
        Assert.Equal(Fields.Of(new SequenceChange()), Fields.Of(JournalFormat.ReadChange(Recorded.Read("bare change"))));
        Assert.Equal(Fields.Of(RecordedJournal.WithoutEnvelope), Fields.Of(JournalFormat.Read(RecordedWithIndex.Read("journal"))));
        Assert.Equal(Fields.Of(RecordedJournal.Journal), Fields.Of(JournalFormat.Read(RecordedWithEnvelope.Read("journal"))));
        Assert.Equal(Fields.Of(RecordedJournal.FirstJournal), Fields.Of(JournalFormat.Read(RecordedWithEnvelope.Read("journal of the first prompt"))));
    }

    [Fact]
    public void No_two_recorded_fields_are_alike()
    {
        var sequence = RecordedJournal.Journal.Sequences[0];

        Fields.AllDiffer(RecordedJournal.Request);
        Fields.AllDiffer(sequence with { Changes = [sequence.Changes[0]] });
    }

    [Fact]
    public void No_field_of_a_request_is_forgotten()
    {
        var written = JournalFormat.Write(new Journal(RecordedJournal.Request, []));
        var variants = OneFieldChanged(RecordedJournal.Request).ToList();
        Assert.Equal(typeof(GenerationRequest).GetProperties().Count(property => property.CanWrite) - 1 + typeof(SamplingParameters).GetProperties().Length, variants.Count);

        foreach (var changed in variants)
        {
            Assert.NotEqual(written, JournalFormat.Write(new Journal(changed, [])));
        }
    }

    [Fact]
    public void Random_journals_come_back_byte_for_byte()
    {
        var random = new Random(20);
        for (var i = 0; i < 500; i++)
        {
            var bytes = JournalFormat.Write(Any(random));
            Assert.Equal(bytes, JournalFormat.Write(JournalFormat.Read(bytes)));
        }
    }

    [Fact]
    public void Ids_take_four_bytes_each()
    {
        var request = RecordedJournal.Request;
        var empty = JournalFormat.Write(Journal.Begin(request with { PromptIds = Array.Empty<int>() })).Length;

        Assert.Equal(empty + 4096, JournalFormat.Write(Journal.Begin(request with { PromptIds = new int[1024] })).Length);
    }

    [Fact]
    public void Another_version_is_refused_by_its_number()
    {
        var bytes = JournalFormat.Write(RecordedJournal.Journal);
        bytes[0] = 77;

        var error = Assert.Throws<JournalFormatException>(() => JournalFormat.Read(bytes));
        Assert.Contains("version 77", error.Message, StringComparison.Ordinal);
        Assert.Contains($"version {JournalFormat.Version}", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_change_of_another_version_is_refused_by_its_number()
    {
        var error = Assert.Throws<JournalFormatException>(() => JournalFormat.ReadChange([77, 0, 0, 0]));
        Assert.Contains("version 77", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_cut_is_refused()
    {
        var bytes = JournalFormat.Write(RecordedJournal.Journal);

        for (var length = 0; length < bytes.Length; length++)
        {
            Assert.Throws<JournalFormatException>(() => JournalFormat.Read(bytes.AsSpan(0, length)));
        }
    }

    [Fact]
    public void Bytes_behind_the_end_are_refused() =>
        Assert.Throws<JournalFormatException>(() => JournalFormat.Read([.. JournalFormat.Write(RecordedJournal.Journal), 0]));

    [Fact]
    public void Damaged_bytes_are_read_or_refused_and_nothing_else()
    {
        var random = new Random(21);
        var whole = JournalFormat.Write(RecordedJournal.Journal);
        var refused = 0;
        for (var i = 0; i < 20_000; i++)
        {
            var bytes = whole.ToArray();
            for (var hits = random.Next(1, 4); hits > 0; hits--)
            {
                bytes[random.Next(1, bytes.Length)] = (byte)random.Next(256);
            }

            try
            {
                JournalFormat.Read(bytes);
            }
            catch (JournalFormatException)
            {
                refused++;
            }
        }

        Assert.InRange(refused, 1, 19_999);
    }

    [Fact]
    public void A_change_comes_back_as_it_was_written()
    {
        var change = new SequenceChange(5, null, RecordedJournal.Request.Sampling);

        Assert.Equivalent(change, JournalFormat.ReadChange(JournalFormat.WriteChange(change)), strict: true);
    }

    [Fact]
    public void A_plain_end_takes_seven_bytes() =>
        Assert.Equal([(byte)FinishReason.Length, 0, 0, 0, 0, 0, 0], Ended(FinishReason.Length)[^7..]);

    [Fact]
    public void A_finish_reason_that_does_not_exist_is_refused_by_its_number()
    {
        var error = Assert.Throws<JournalFormatException>(() => JournalFormat.Read(Ended((FinishReason)99)));
        Assert.Equal("The journal names finish reason 99, which does not exist.", error.Message);
    }

    private static byte[] Ended(FinishReason reason)
    {
        var request = RecordedJournal.Journal.Request;
        return JournalFormat.Write(new Journal(request, [JournalSequence.Begin(new SequenceId(request.Id, 0)) with { End = new SequenceEnd(reason) }]));
    }

    private static RecordedBytes RecordedOf(byte version) => new(
        $"tests/OrleansLLM.Abstractions.Tests/Recorded/JournalFormat.{version}.txt",
        $"Version {version} of JournalFormat. A layout that differs is another version, in a file of its own.");

    private static IEnumerable<GenerationRequest> OneFieldChanged(GenerationRequest request)
    {
        yield return request with { Id = new RequestId(0, 1) };
        yield return request with { Model = "" };
        yield return request with { PromptIds = new[] { 1, 70_000, 0 } };
        yield return request with { Samples = 1 };
        yield return request with { StopTokenIds = [2, 4] };
        yield return request with { MaxTokens = 0 };
        yield return request with { MinTokens = 0 };
        yield return request with { Priority = 5 };
        yield return request with { PromptIndex = 0 };
        yield return request with { Tenant = "" };
        yield return request with { CacheSalt = "" };
        yield return request with { Linger = default };
        yield return request with { Timeout = null };
        yield return request with { QueueTimeout = null };
        yield return request with { Envelope = default };
        foreach (var property in typeof(SamplingParameters).GetProperties().Where(property => property.CanWrite))
        {
            var changed = request.Sampling with { };
            property.SetValue(changed, property.GetValue(new SamplingParameters()));
            yield return request with { Sampling = changed };
        }
    }

    private static Journal Any(Random random)
    {
        int[] Ids(int most) => [.. Enumerable.Range(0, random.Next(most)).Select(_ => random.Next())];
        var request = RecordedJournal.Request with
        {
            PromptIds = Ids(100),
            PromptIndex = random.Next(3),
            Envelope = Enumerable.Range(0, random.Next(3)).Select(_ => (byte)random.Next(256)).ToArray(),
            StopTokenIds = Ids(4),
            Timeout = random.Next(2) == 0 ? null : TimeSpan.FromTicks(random.NextInt64()),
            Sampling = new SamplingParameters
            {
                Temperature = random.NextSingle(),
                AllowedTokenIds = Ids(5),
                BadWords = [.. Enumerable.Range(0, random.Next(3)).Select(_ => Ids(4))],
                Logprobs = random.Next(2) == 0 ? null : random.Next(21),
            },
        };
        var sequences = Enumerable.Range(0, random.Next(4)).Select(index => new JournalSequence(
            new SequenceId(request.Id, index),
            Ids(200),
            [.. Enumerable.Range(0, random.Next(3)).Select(_ => new JournalChange(random.Next(), new SequenceChange(Priority: random.Next())))],
            random.Next(2) == 0 ? null : new SequenceEnd(FinishReason.Stop, random.Next(2) == 0 ? null : random.Next())));
        return new Journal(request, [.. sequences]);
    }
}
