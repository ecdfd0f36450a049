namespace OrleansLLM.Abstractions.Tests;

public sealed class JournalFormatTests
{
    [Fact]
    public void A_journal_comes_back_as_it_was_written()
    {
        var journal = Full();

        var read = JournalFormat.Read(JournalFormat.Write(journal));

        Assert.Equivalent(Plain(journal.Request), Plain(read.Request), strict: true);
        Assert.Equal(journal.Request.PromptIds.ToArray(), read.Request.PromptIds.ToArray());
        Assert.Equal(journal.Sequences.Count, read.Sequences.Count);
        Assert.All(journal.Sequences.Zip(read.Sequences), pair =>
        {
            Assert.Equal(pair.First.Id, pair.Second.Id);
            Assert.Equal(pair.First.Output.ToArray(), pair.Second.Output.ToArray());
            Assert.Equivalent(pair.First.Changes, pair.Second.Changes, strict: true);
            Assert.Equal(pair.First.End, pair.Second.End);
        });
    }

    [Fact]
    public void No_field_of_a_request_is_forgotten()
    {
        var written = JournalFormat.Write(new Journal(Full().Request, []));
        var variants = OneFieldChanged(Full().Request).ToList();
        Assert.Equal(typeof(GenerationRequest).GetProperties().Length - 1 + typeof(SamplingParameters).GetProperties().Length, variants.Count);

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
        var request = Full().Request;
        var empty = JournalFormat.Write(Journal.Begin(request with { PromptIds = Array.Empty<int>() })).Length;

        Assert.Equal(empty + 4096, JournalFormat.Write(Journal.Begin(request with { PromptIds = new int[1024] })).Length);
    }

    [Fact]
    public void Another_version_is_refused_by_its_number()
    {
        var bytes = JournalFormat.Write(Full());
        bytes[0] = 77;

        var error = Assert.Throws<JournalFormatException>(() => JournalFormat.Read(bytes));
        Assert.Contains("version 77", error.Message, StringComparison.Ordinal);
        Assert.Contains($"version {JournalFormat.Version}", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_cut_is_refused()
    {
        var bytes = JournalFormat.Write(Full());

        for (var length = 0; length < bytes.Length; length++)
        {
            Assert.Throws<JournalFormatException>(() => JournalFormat.Read(bytes.AsSpan(0, length)));
        }
    }

    [Fact]
    public void Bytes_behind_the_end_are_refused() =>
        Assert.Throws<JournalFormatException>(() => JournalFormat.Read([.. JournalFormat.Write(Full()), 0]));

    [Fact]
    public void Damaged_bytes_are_read_or_refused_and_nothing_else()
    {
        var random = new Random(21);
        var whole = JournalFormat.Write(Full());
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
        var change = new SequenceChange(5, null, Full().Request.Sampling);

        Assert.Equivalent(change, JournalFormat.ReadChange(JournalFormat.WriteChange(change)), strict: true);
    }

    private static Journal Full()
    {
        var request = new GenerationRequest
        {
            Id = new RequestId(0x0123456789ABCDEF, 0xFEDCBA9876543210),
            Model = "modèle",
            PromptIds = new[] { 1, 70_000, int.MaxValue },
            Samples = 2,
            Sampling = new SamplingParameters
            {
                Temperature = 0.5f,
                TopP = 0.25f,
                TopK = 40,
                MinP = 0.125f,
                RepetitionPenalty = 1.5f,
                PresencePenalty = -1,
                FrequencyPenalty = 2,
                LogitBias = [KeyValuePair.Create(7, -100f)],
                AllowedTokenIds = [1, 2, 3],
                BadWords = [[9], [8, 7]],
                Seed = ulong.MaxValue,
                Logprobs = 0,
                PromptLogprobs = 20,
            },
            StopTokenIds = [2, 3],
            MaxTokens = 64,
            MinTokens = 3,
            Priority = -5,
            Tenant = "somebody",
            CacheSalt = "salt",
            Linger = TimeSpan.FromSeconds(3),
            Timeout = TimeSpan.FromMinutes(1),
            QueueTimeout = TimeSpan.FromSeconds(9),
        };
        return new Journal(
            request,
            [
                new JournalSequence(
                    new SequenceId(request.Id, 0),
                    new[] { 5, 6 },
                    [new JournalChange(4, new SequenceChange(9, 1, new SamplingParameters { Seed = 8 })), new JournalChange(5, new SequenceChange())],
                    new SequenceEnd(FinishReason.Failed, 6, "It broke.")),
                new JournalSequence(new SequenceId(request.Id, 4), default, [], null),
            ]);
    }

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
        yield return request with { Tenant = "" };
        yield return request with { CacheSalt = "" };
        yield return request with { Linger = default };
        yield return request with { Timeout = null };
        yield return request with { QueueTimeout = null };
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
        var request = Full().Request with
        {
            PromptIds = Ids(100),
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

    private static GenerationRequest Plain(GenerationRequest request) => request with { PromptIds = default };
}
