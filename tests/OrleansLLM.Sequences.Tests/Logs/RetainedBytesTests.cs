namespace OrleansLLM.Sequences.Tests.Logs;

/// <summary>All logs together hold so many bytes: ended ones go first, and beside those that run nothing is opened.</summary>
public sealed class RetainedBytesTests : OpenLogs
{
    private static readonly SequenceEnd Finished = new(FinishReason.Length);

    [Fact]
    public void Without_options_logs_hold_256_mebibytes_and_ended_ones_stay_for_five_minutes() =>
        Assert.Equal((268_435_456, 300), (new SequenceLogOptions().MaxRetainedBytes, new SequenceLogOptions().Retention.TotalSeconds));

    [Fact]
    public async Task The_oldest_ended_logs_go_when_all_together_are_too_large()
    {
        await ReadToEndAsync(Id);
        var fitting = await OpenAndReadAsync(TokensFor(MostBytes - Logs.Bytes));
        Assert.Equal(MostBytes, Logs.Bytes);
        Assert.NotNull(Logs.Describe(Id));
        var another = await OpenAndReadAsync(1);
        Assert.Null(Logs.Describe(Id));
        Assert.NotNull(Logs.Describe(fitting));
        Assert.NotNull(Logs.Describe(another));
    }

    [Fact]
    public async Task A_log_that_an_end_mark_cuts_is_forgotten_once()
    {
        Append(3, 7, end: Finished);
        Assert.True(Logs.Finish(Id, 3, FinishReason.Stop));
        await ReadToEndAsync(Id);
        await OpenAndReadAsync(TokensFor(MostBytes));
        Assert.Null(Logs.Describe(Id));
        Assert.Equal(MostBytes, Logs.Bytes);
    }

    [Fact]
    public async Task Beside_logs_that_run_nothing_is_opened_until_they_end()
    {
        var large = Request(new int[TokensFor(MostBytes - Logs.Bytes)]);
        var running = Open(large);
        var request = Request([1]);
        Assert.Equal(OpenResult.Full, Logs.Open(request, [new(request.Id, 0)], new Epoch(1)));
        Assert.Null(Logs.Find(request.Id));
        Assert.Equal((RefusalReason.Unavailable, 1), (SequenceLogs.Full.Reason, SequenceLogs.Full.RetryAfter!.Value.TotalSeconds));
        Assert.Contains("--max-retained-bytes", SequenceLogs.Full.Message, StringComparison.Ordinal);
        await ReadToEndAsync(running);
        Assert.Equal(OpenResult.Opened, Logs.Open(request, [new(request.Id, 0)], new Epoch(1)));
        Assert.Null(Logs.Describe(running));
        Assert.NotNull(Logs.Describe(Id));
    }

    [Fact]
    public async Task What_ended_before_its_submitter_read_it_waits_for_him()
    {
        var large = Request(new int[TokensFor(MostBytes - Logs.Bytes)]);
        var ended = Open(large);
        Logs.End(ended, Finished);
        var request = Request([1]);
        Assert.Equal(OpenResult.Full, Logs.Open(request, [new(request.Id, 0)], new Epoch(1)));
        await using var reader = Read(ended, large.PromptIds.Length);
        Assert.True(await reader.MoveNextAsync());
        Assert.Equal(Finished, reader.Current.End);
        Assert.Equal(OpenResult.Opened, Logs.Open(request, [new(request.Id, 0)], new Epoch(1)));
    }

    [Fact]
    public void A_submitter_that_never_comes_is_waited_for_no_longer_than_his_hold()
    {
        var large = Open(Request(new int[TokensFor(MostBytes - Logs.Bytes)]));
        Logs.End(large, Finished);
        Time.Advance(TimeSpan.FromSeconds(10));
        Open(Request([1]));
        Assert.Null(Logs.Describe(large));
    }

    [Fact]
    public void An_envelope_counts_once_for_all_logs_of_a_request()
    {
        var before = Logs.Bytes;
        var request = Request([1]) with { Envelope = new byte[1000] };
        Logs.Open(request, [new(request.Id, 0), new(request.Id, 1)], new Epoch(1));
        Assert.Equal((2 * LogMemory.PerLog) + sizeof(int) + 1000, Logs.Bytes - before);
        Logs.Remove([new(request.Id, 0), new(request.Id, 1)]);
        Assert.Equal(before, Logs.Bytes);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(20)]
    public void Log_probabilities_count_with_what_they_take(int candidates)
    {
        const int count = 1000;
        var kept = new TokenLogprobs[count];
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < count; i++)
        {
            kept[i] = new TokenLogprobs(-1, 1, new int[candidates], new float[candidates]);
        }

        var taken = (GC.GetAllocatedBytesForCurrentThread() - before) / (double)count;
        Assert.InRange(kept[0].Bytes, taken * 0.9, taken * 1.2);

        var request = Request([1, 2, 3]) with { MaxTokens = count, Sampling = new SamplingParameters { PromptLogprobs = candidates } };
        SequenceId[] ids = [new(request.Id, 0), new(request.Id, 1)];
        Logs.Open(request, ids, new Epoch(1));
        before = Logs.Bytes;
        for (var i = 0; i < count; i++)
        {
            var prompt = i == 0 ? kept[..3] : null;
            Assert.Equal(AppendResult.Appended, Logs.Append(new(ids[0], new Epoch(1), 3 + i, i, kept[i], prompt, 0, null)));
        }

        Assert.Equal(((count + 3) * kept[0].Bytes) + (3 * 8) + (1024 * (4 + 8)), Logs.Bytes - before);
        before = Logs.Bytes;
        Logs.Append(new(ids[1], new Epoch(1), 3, 7, null, kept[..3], 0, null));
        Assert.Equal((3 * 8) + (64 * 4), Logs.Bytes - before); // the request's sequences share what the prompt's log probabilities are
    }

    [Fact]
    public void Whatever_happens_forgotten_logs_hold_nothing()
    {
        var random = new Random(3);
        Logs.Remove([Id]);
        var ids = new List<SequenceId>();
        for (var round = 0; round < 5000; round++)
        {
            var id = ids.Count == 0 ? default : ids[random.Next(ids.Count)];
            switch (ids.Count == 0 ? 0 : random.Next(8))
            {
                case 0:
                    var request = Request([1, 2, 3]) with { Samples = 2 };
                    SequenceId[] opened = [new(request.Id, 0), new(request.Id, 1)];
                    ids.AddRange(Logs.Open(request, opened, new Epoch(1)) == OpenResult.Opened ? opened : []);
                    break;
                case 1:
                    ids.AddRange(Logs.OpenForks(id, Math.Max(1, (Logs.Describe(id)?.Tokens ?? 1) - 1), 1, new Epoch(1)) ?? []);
                    break;
                case 2:
                    Logs.Finish(id, 4, FinishReason.Stop);
                    break;
                case 3:
                    Logs.Remove([id]);
                    ids.Remove(id);
                    break;
                default:
                    Logs.Append(new StepEntry(id, new Epoch(1), Logs.Describe(id)?.Tokens ?? 0, 1, random.Next(2) == 0 ? Logprobs(3) : null, null, 0, null));
                    break;
            }
        }

        Assert.True(Logs.Bytes > 0);
        Logs.Remove(ids);
        Assert.Equal(0, Logs.Bytes);
    }

    private static TokenLogprobs Logprobs(int candidates) => new(-1, 1, new int[candidates], new float[candidates]);

    private static int TokensFor(long bytes) => (int)((bytes - LogMemory.PerLog) / sizeof(int));

    private async Task<SequenceId> OpenAndReadAsync(int promptLength)
    {
        var id = Open(Request(new int[promptLength]));
        await ReadToEndAsync(id);
        return id;
    }

    private async Task ReadToEndAsync(SequenceId id)
    {
        Logs.End(id, Finished);
        await using var reader = Read(id, 0);
        while (await reader.MoveNextAsync())
        {
        }

        Logs.End(id, Finished);
    }
}
