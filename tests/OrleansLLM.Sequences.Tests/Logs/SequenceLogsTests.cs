namespace OrleansLLM.Sequences.Tests.Logs;

public sealed class SequenceLogsTests : OpenLogs
{
    private static readonly SequenceEnd Finished = new(FinishReason.Length);
    private static readonly SequenceId Unknown = new(RequestId.Create(), 0);

    [Fact]
    public void A_request_is_opened_once()
    {
        var request = Request([1, 2]);
        var id = Open(request);

        Assert.Equal(OpenResult.Known, Logs.Open(request, [id, new SequenceId(request.Id, 1)], new Epoch(1)));
        Assert.Equal([id], Logs.Find(request.Id)!);
        Assert.Same(request, Logs.RequestOf(id));
        Assert.Null(Logs.RequestOf(Unknown));
        Assert.Null(Logs.Find(Unknown.Request));
    }

    [Fact]
    public void Only_the_next_position_of_the_latest_epoch_is_appended()
    {
        Assert.Equal(AppendResult.Appended, Append(3, 7));
        Assert.Equal(AppendResult.Duplicate, Append(3, 7));
        Assert.Equal(AppendResult.Gap, Append(5, 9));
        Assert.Equal(AppendResult.OlderEpoch, Append(4, 8, epoch: 1));
        Logs.RaiseEpoch(Id, new Epoch(3));
        Assert.Equal(AppendResult.OlderEpoch, Append(4, 8, epoch: 2));
        Assert.Equal(AppendResult.Appended, Append(4, 8, epoch: 3, end: Finished));
        Assert.Equal(AppendResult.Ended, Append(5, 8, epoch: 3));
        Assert.Equal(AppendResult.Unknown, Append(Unknown, 3, 1));
        Assert.Equal([7, 8], Logs.JournalOf(Id)!.Output.ToArray());
    }

    [Fact]
    public void An_epoch_never_falls()
    {
        Logs.RaiseEpoch(Id, new Epoch(4));
        Logs.RaiseEpoch(Id, new Epoch(3));
        Assert.Equal(AppendResult.OlderEpoch, Append(3, 7, epoch: 3));
    }

    [Fact]
    public void A_sequence_is_ended_once()
    {
        Assert.False(Logs.End(Unknown, Finished));
        Assert.True(Logs.End(Id, Finished));
        Assert.False(Logs.End(Id, Finished));
        Assert.Equal(Finished, Logs.JournalOf(Id)!.End);
    }

    [Fact]
    public void An_end_mark_is_set_once_behind_the_prompt_of_a_known_sequence()
    {
        Append(3, 7);
        Assert.False(Logs.Finish(Unknown, 3, FinishReason.Stop));
        Assert.False(Logs.Finish(Id, 2, FinishReason.Stop));
        Assert.True(Logs.Finish(Id, 3, FinishReason.Stop));
        Assert.False(Logs.Finish(Id, 3, FinishReason.Stop));
        Assert.Equal(3, Logs.Describe(Id)!.Tokens);
    }

    [Fact]
    public void A_change_of_a_sequence_stands_in_its_journal()
    {
        var change = new SequenceChange(Priority: 3);
        Logs.Note(Unknown, new JournalChange(3, change));
        Logs.Note(Id, new JournalChange(3, change));
        Assert.Equal([new JournalChange(3, change)], Logs.JournalOf(Id)!.Changes);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_ended_log_is_forgotten_after_its_time(bool byMark)
    {
        Append(3, 7, end: byMark ? null : Finished);
        if (byMark)
        {
            Logs.Finish(Id, 4, FinishReason.Stop);
        }

        Time.Advance(TimeSpan.FromMinutes(1) - TimeSpan.FromTicks(1));
        Assert.NotNull(Logs.Describe(Id));
        Time.Advance(TimeSpan.FromTicks(1));
        Assert.Null(Logs.Describe(Id));
        Assert.Null(Logs.Find(Id.Request));
        Assert.Throws<UnknownSequenceException>(() => Read(Id, 0).MoveNextAsync().AsTask().GetAwaiter().GetResult());
        Assert.Empty(Abandoned);
    }

    [Fact]
    public void Logs_that_end_one_after_another_are_forgotten_one_after_another()
    {
        var other = Open(Request([1, 2]));
        Logs.End(Id, Finished);
        Time.Advance(TimeSpan.FromSeconds(5));
        Logs.End(other, Finished);
        Time.Advance(TimeSpan.FromSeconds(55));
        Assert.Null(Logs.Describe(Id));
        Assert.NotNull(Logs.Describe(other));
        Time.Advance(TimeSpan.FromSeconds(5));
        Assert.Null(Logs.Describe(other));
    }

    [Fact]
    public void A_log_that_runs_is_not_forgotten()
    {
        _ = Read(Id, 3).MoveNextAsync().AsTask();
        Append(3, 7);
        Time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(SequencePhase.Running, Logs.Describe(Id)!.Phase);
    }

    [Fact]
    public void Removed_logs_are_unknown_and_their_request_can_be_opened_anew()
    {
        var request = Request([1, 2]);
        SequenceId[] ids = [new(request.Id, 0), new(request.Id, 1)];
        Logs.Open(request, ids, new Epoch(1));
        Logs.Remove([ids[0], Unknown]);
        Assert.Equal([ids[1]], Logs.Find(request.Id)!);
        Logs.Remove([ids[1]]);
        Assert.Equal(OpenResult.Opened, Logs.Open(request, ids, new Epoch(1)));
        Assert.Empty(Abandoned);
    }

    [Fact]
    public void Forks_get_ids_that_were_never_used()
    {
        Append(3, 7);
        var first = Logs.OpenForks(Id, 4, 2, new Epoch(2))!;
        Logs.Remove(first);
        Assert.Equal([new SequenceId(Id.Request, 3)], Logs.OpenForks(Id, 2, 1, new Epoch(2))!);
        Assert.Null(Logs.OpenForks(Id, 5, 1, new Epoch(2)));
        Assert.Null(Logs.OpenForks(Id, 0, 1, new Epoch(2)));
        Assert.Null(Logs.OpenForks(Unknown, 1, 1, new Epoch(2)));
    }

    [Fact]
    public void An_id_below_those_in_use_does_not_lower_the_next()
    {
        var request = Request([1, 2]);
        Logs.Open(request, [new(request.Id, 5), new(request.Id, 2)], new Epoch(1));
        Assert.Equal([new SequenceId(request.Id, 6)], Logs.OpenForks(new(request.Id, 2), 1, 1, new Epoch(1))!);
    }

    [Theory]
    [InlineData(1, new[] { 1 }, new int[] { })]
    [InlineData(3, new[] { 1, 2, 3 }, new int[] { })]
    [InlineData(4, new[] { 1, 2, 3 }, new[] { 7 })]
    [InlineData(5, new[] { 1, 2, 3 }, new[] { 7, 8 })]
    public void A_fork_has_the_tokens_before_it_and_takes_the_next_of_its_epoch(int at, int[] prompt, int[] output)
    {
        Append(3, 7);
        Append(4, 8);
        var fork = Assert.Single(Logs.OpenForks(Id, at, 1, new Epoch(5))!);

        Assert.Equal(prompt, Logs.RequestOf(fork)!.PromptIds.ToArray());
        Assert.Equal(output, Logs.JournalOf(fork)!.Output.ToArray());
        Assert.Equal(AppendResult.OlderEpoch, Append(fork, at, 50, epoch: 4));
        Assert.Equal(AppendResult.Appended, Append(fork, at, 50, epoch: 5));
        Assert.Equal(5, Logs.Describe(Id)!.Tokens);
    }

    [Fact]
    public void A_fork_behind_the_prompt_shares_the_request() =>
        Assert.Same(Logs.RequestOf(Id), Logs.RequestOf(Assert.Single(Logs.OpenForks(Id, 3, 1, new Epoch(2))!)));
}
