namespace OrleansLLM.Sequences.Tests.Logs;

public sealed class SequenceLogTests
{
    private static readonly TokenLogprobs Likely = new(-0.5f, 1, new[] { 7 }, new[] { -0.5f });
    private static readonly TokenLogprobs Unlikely = new(-9f, 80, new[] { 7 }, new[] { -0.5f });

    [Fact]
    public void A_log_tells_its_lengths_its_phase_and_what_its_first_entry_found_cached()
    {
        var log = Create();
        Assert.Equal(new SequenceDescription(log.Id, SequencePhase.Running, 3, 3, 0, null), log.Describe());

        Append(log, 3, token: 7, cached: 2);
        Append(log, 4, token: 8, cached: 1);
        Assert.Equal(new SequenceDescription(log.Id, SequencePhase.Running, 3, 5, 2, null), log.Describe());

        var end = new SequenceEnd(FinishReason.Stop, 9);
        Append(log, 5, token: 9, end: end);
        Assert.Equal(new SequenceDescription(log.Id, SequencePhase.Ended, 3, 6, 2, end), log.Describe());
    }

    [Fact]
    public void A_change_is_noted_at_the_position_that_the_engine_answered()
    {
        var log = Create();
        var change = new SequenceChange(MaxTokens: 5);
        Append(log, 3, token: 7);
        Append(log, 4, token: 8);
        log.Note(new JournalChange(6, change));
        Append(log, 5, token: 9);

        Assert.Equal([new JournalChange(6, change)], log.Journal.Changes);
    }

    [Fact]
    public void A_log_ends_once()
    {
        var log = Create();
        Assert.True(log.End(new SequenceEnd(FinishReason.Cancelled)));
        Assert.False(log.End(new SequenceEnd(FinishReason.Failed)));

        Assert.Equal(FinishReason.Cancelled, log.Journal.End?.Reason);
    }

    [Fact]
    public void Ranges_that_were_read_stay_as_they_are_while_the_log_grows()
    {
        var log = Create(maxTokens: 1000);
        var ranges = new List<TokenRange>();
        for (var i = 0; i < 1000; i++)
        {
            Append(log, 3 + i, token: i, logprobs: i < 40 ? null : new TokenLogprobs(-0.5f, i, default, default));
            ranges.Add(Read(log, 3));
        }

        Assert.All(ranges.Select((range, index) => (range, index)), item =>
        {
            Assert.Equal(Enumerable.Range(0, item.index + 1), item.range.Ids.ToArray());
            Assert.Equal(item.index < 40 ? 0 : item.index + 1, item.range.Logprobs.Length);
        });
        Assert.Equal([.. Enumerable.Repeat<int?>(null, 40), .. Enumerable.Range(40, 960)], ranges[^1].Logprobs.ToArray().Select(logprobs => logprobs?.Rank));
    }

    [Fact]
    public void A_log_holds_tokens_behind_the_limit_that_it_was_opened_with()
    {
        var log = Create(maxTokens: 0);
        for (var i = 0; i < 100; i++)
        {
            Append(log, 3 + i, token: i);
        }

        Assert.Equal(Enumerable.Range(0, 100), log.Journal.Output.ToArray());
        Assert.True(Read(log, 3).Logprobs.IsEmpty);
    }

    [Fact]
    public void Tokens_of_engines_of_different_fingerprints_are_read_apart()
    {
        var log = Create();
        log.Note(new FingerprintMark(3, "a"));
        Append(log, 3, token: 7);
        log.Note(new FingerprintMark(4, "c"));
        log.Note(new FingerprintMark(4, "a"));
        Append(log, 4, token: 8);
        log.Note(new FingerprintMark(5, "b"));
        Append(log, 5, token: 9, logprobs: Likely, end: new SequenceEnd(FinishReason.Length));

        Assert.Equal([new(3, "a"), new FingerprintMark(5, "b")], log.Fingerprints);
        var (first, second, end) = (Read(log, 3), Read(log, 5), Read(log, 6));
        Assert.Equal(("a", 2, 2, null), (first.Fingerprint, first.Ids.Length, first.Logprobs.Length, first.End));
        Assert.Equal(("b", 1, FinishReason.Length), (second.Fingerprint, second.Ids.Length, second.End?.Reason));
        Assert.Equal(("b", 0), (end.Fingerprint, end.Ids.Length));
        Assert.Equal([8], Read(log, 4).Ids.ToArray());
        Assert.Null(Read(log, 0).Fingerprint);
    }

    [Fact]
    public void A_fork_has_the_fingerprints_of_the_tokens_that_it_begins_with()
    {
        var parent = Create();
        parent.Note(new FingerprintMark(3, "a"));
        Append(parent, 3, token: 7);
        parent.Note(new FingerprintMark(4, "b"));
        Append(parent, 4, token: 8);
        var child = new SequenceLog(new SequenceId(parent.Id.Request, 1), parent.Request, new Epoch(1), new LogMemory());
        child.CopyFrom(parent, 4);

        Assert.Equal([new(3, "a"), new FingerprintMark(4, "b")], child.Fingerprints);
        Assert.Equal("a", Read(child, 3).Fingerprint);
    }

    [Fact]
    public void Log_probabilities_stand_beside_their_tokens()
    {
        var log = Create();
        Append(log, 3, token: 7, logprobs: Likely);
        Append(log, 4, token: 8);
        Append(log, 5, token: 9, logprobs: Unlikely);

        Assert.Equal([Likely, null, Unlikely], Read(log, 3).Logprobs.ToArray());
        Assert.Equal([null, Unlikely], Read(log, 4).Logprobs.ToArray());
    }

    [Fact]
    public void A_prompt_is_read_before_any_token_stands_behind_it()
    {
        var range = Read(Create(), 1);

        Assert.Equal((1, 0, null), (range.Start, range.Logprobs.Length, range.End));
        Assert.Equal([2, 3], range.Ids.ToArray());
    }

    [Fact]
    public void A_prompt_whose_log_probabilities_were_asked_for_waits_for_them()
    {
        var log = Create(promptLogprobs: 1);
        Assert.False(log.TryRead(0, out _));
        log.Append(new StepEntry(log.Id, new Epoch(1), 3, null, null, [null, Likely, Unlikely], 0, null));

        Assert.Equal([null, Likely, Unlikely], Read(log, 0).Logprobs.ToArray());
        Assert.Equal([Unlikely], Read(log, 2).Logprobs.ToArray());
        Assert.Null(Read(log, 0).End);
    }

    [Fact]
    public void A_prompt_of_an_ended_log_is_read_without_the_log_probabilities_that_never_came()
    {
        var log = Create(promptLogprobs: 1);
        log.End(new SequenceEnd(FinishReason.Cancelled));
        var range = Read(log, 0);

        Assert.Equal([1, 2, 3], range.Ids.ToArray());
        Assert.True(range.Logprobs.IsEmpty);
        Assert.Equal(FinishReason.Cancelled, range.End?.Reason);
    }

    [Fact]
    public void The_end_comes_with_the_last_token_and_not_with_the_prompt_before_it()
    {
        var log = Create();
        Append(log, 3, token: 7, end: new SequenceEnd(FinishReason.Length));

        Assert.Null(Read(log, 0).End);
        Assert.Equal(FinishReason.Length, Read(log, 3).End?.Reason);
    }

    [Fact]
    public void A_position_behind_the_last_token_gives_the_end_alone()
    {
        var log = Create();
        Append(log, 3, token: 7);
        Assert.False(log.TryRead(4, out _));
        log.End(new SequenceEnd(FinishReason.Length));

        var range = Read(log, 9);
        Assert.Equal((4, 0, FinishReason.Length), (range.Start, range.Ids.Length, range.End?.Reason));
    }

    [Theory]
    [InlineData(3, 0)]
    [InlineData(4, 1)]
    [InlineData(5, 2)]
    [InlineData(9, 2)]
    public void Tokens_at_and_behind_the_end_mark_are_neither_shown_nor_counted(int at, int shown)
    {
        var log = Create();
        Append(log, 3, token: 7);
        Append(log, 4, token: 8);

        Assert.Equal(EndMarkResult.Ended, log.Finish(at, FinishReason.Stop));
        Assert.Equal(3 + shown, log.Describe().Tokens);
        Assert.Equal(shown, log.Journal.Output.Length);
        Assert.Equal(shown, Read(log, 3).Ids.Length);
        Assert.Equal(new SequenceEnd(FinishReason.Stop), Read(log, 3).End);
        Assert.Equal(shown == 0, Read(log, 0).End is not null);
    }

    [Fact]
    public void An_end_mark_cuts_what_had_ended_by_itself_and_is_set_once()
    {
        var log = Create();
        Append(log, 3, token: 7, end: new SequenceEnd(FinishReason.Length));

        Assert.Equal(EndMarkResult.Refused, log.Finish(2, FinishReason.Stop));
        Assert.Equal(FinishReason.Length, log.Describe().End?.Reason);
        Assert.Equal(EndMarkResult.Cut, log.Finish(3, FinishReason.Stop));
        Assert.Equal(EndMarkResult.Refused, log.Finish(3, FinishReason.Failed));
        Assert.Equal(FinishReason.Stop, log.Describe().End?.Reason);
    }

    [Fact]
    public void A_fork_begins_with_what_stands_before_it_and_is_changed_as_its_parent_is()
    {
        var parent = Create();
        Append(parent, 3, token: 7, logprobs: Likely);
        parent.Note(new JournalChange(4, new SequenceChange(MaxTokens: 5)));
        Append(parent, 4, token: 8, logprobs: Unlikely);
        Append(parent, 5, token: 9, logprobs: Likely);
        parent.Note(new JournalChange(6, new SequenceChange(MaxTokens: 6)));
        var child = new SequenceLog(new SequenceId(parent.Id.Request, 1), parent.Request, new Epoch(1), new LogMemory());
        child.CopyFrom(parent, 5);
        Append(child, 5, token: 50);
        Append(parent, 6, token: 60);

        Assert.Equal([7, 8, 50], child.Journal.Output.ToArray());
        Assert.Equal([Likely, Unlikely, null], Read(child, 3).Logprobs.ToArray());
        Assert.Equal([4, 5], child.Journal.Changes.Select(change => change.Position));
        Assert.Equal([5, 6], child.Journal.Changes.Select(change => change.Change.MaxTokens));
        Assert.Equal([7, 8, 9, 60], parent.Journal.Output.ToArray());
    }

    [Fact]
    public void A_fork_inside_the_prompt_has_the_log_probabilities_of_the_tokens_before_it()
    {
        var parent = Create(promptLogprobs: 1);
        parent.Append(new StepEntry(parent.Id, new Epoch(1), 3, 7, null, [null, Likely, Unlikely], 0, null));
        var request = parent.Request with { PromptIds = parent.Request.PromptIds[..2] };
        var child = new SequenceLog(new SequenceId(parent.Id.Request, 1), request, new Epoch(1), new LogMemory());
        child.CopyFrom(parent, 2);

        Assert.Equal([null, Likely], Read(child, 0).Logprobs.ToArray());
        Assert.Equal(2, child.Describe().Tokens);
    }

    [Fact]
    public void A_log_is_abandoned_once_and_only_without_readers()
    {
        var log = Create();
        var first = log.Enter(3, CancellationToken.None);
        var second = log.Enter(3, CancellationToken.None);
        Assert.False(log.Leave(first));
        Assert.False(log.TryAbandon());
        Assert.True(log.Leave(second));
        Assert.True(log.TryAbandon());
        Assert.False(log.TryAbandon());

        Assert.Equal(new SequenceEnd(FinishReason.Cancelled, Message: "Its last reader has left."), log.Describe().End);
    }

    [Fact]
    public void The_last_reader_of_an_ended_log_leaves_nothing_to_abandon()
    {
        var log = Create();
        var reader = log.Enter(3, CancellationToken.None);
        log.End(new SequenceEnd(FinishReason.Length));

        Assert.False(log.Leave(reader));
    }

    private static SequenceLog Create(int maxTokens = 10, int? promptLogprobs = null)
    {
        var request = new GenerationRequest
        {
            Id = RequestId.Create(),
            Model = "fake",
            PromptIds = new[] { 1, 2, 3 },
            MaxTokens = maxTokens,
            Sampling = new SamplingParameters { PromptLogprobs = promptLogprobs },
        };
        return new SequenceLog(new SequenceId(request.Id, 0), request, new Epoch(1), new LogMemory());
    }

    private static void Append(
        SequenceLog log, int position, int token, TokenLogprobs? logprobs = null, int cached = 0, SequenceEnd? end = null) =>
        Assert.Equal(AppendResult.Appended, log.Append(new StepEntry(log.Id, new Epoch(1), position, token, logprobs, null, cached, end)));

    private static TokenRange Read(SequenceLog log, int from)
    {
        Assert.True(log.TryRead(from, out var range));
        return range;
    }
}
