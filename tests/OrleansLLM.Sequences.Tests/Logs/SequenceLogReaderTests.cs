namespace OrleansLLM.Sequences.Tests.Logs;

public sealed class SequenceLogReaderTests
{
    private readonly SequenceLog _log;

    public SequenceLogReaderTests()
    {
        var request = new GenerationRequest { Id = RequestId.Create(), Model = "fake", PromptIds = new[] { 1, 2, 3 }, MaxTokens = 10 };
        _log = new SequenceLog(new SequenceId(request.Id, 0), request, new Epoch(1), new LogMemory());
    }

    [Fact]
    public async Task A_reader_waits_for_each_token_that_is_not_there_yet()
    {
        using var reader = _log.Enter(2, CancellationToken.None);
        Assert.Equal([3], Read(reader));
        for (var position = 3; position < 6; position++)
        {
            Assert.False(reader.TryRead(out _));
            var wait = reader.WaitAsync();
            Assert.False(wait.IsCompleted);
            Append(position);
            await InTime(wait.AsTask());
            Assert.Equal([position], Read(reader));
        }
    }

    [Fact]
    public void A_reader_behind_which_tokens_stand_does_not_wait()
    {
        using var reader = _log.Enter(3, CancellationToken.None);
        Append(3);

        var wait = reader.WaitAsync();
        Assert.True(wait.IsCompletedSuccessfully);
        Append(4);
        Assert.Equal([3, 4], Read(reader));
    }

    [Fact]
    public async Task A_waiting_reader_is_woken_once_however_much_is_appended_before_it_reads()
    {
        using var reader = _log.Enter(3, CancellationToken.None);
        var wait = reader.WaitAsync();
        Append(3);
        Append(4);
        await InTime(wait.AsTask());

        Assert.Equal([3, 4], Read(reader));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_waiting_reader_learns_of_an_end_or_an_end_mark(bool byMark)
    {
        using var reader = _log.Enter(3, CancellationToken.None);
        var wait = reader.WaitAsync();
        _ = byMark ? _log.Finish(3, FinishReason.Stop) == EndMarkResult.Ended : _log.End(new SequenceEnd(FinishReason.Stop));
        await InTime(wait.AsTask());

        Assert.True(reader.TryRead(out var range));
        Assert.Equal(FinishReason.Stop, range.End?.Reason);
    }

    [Fact]
    public async Task A_cancelled_reader_stops_waiting_and_is_not_woken_again()
    {
        using var cancellation = new CancellationTokenSource();
        using var reader = _log.Enter(3, cancellation.Token);
        var wait = reader.WaitAsync().AsTask();
        await cancellation.CancelAsync();

        var error = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => InTime(wait));
        Assert.Equal(cancellation.Token, error.CancellationToken);
        Append(3);
    }

    [Fact]
    public async Task A_reader_that_was_cancelled_before_does_not_begin_to_wait()
    {
        using var reader = _log.Enter(3, new CancellationToken(canceled: true));

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => InTime(reader.WaitAsync().AsTask()));
        Append(3);
    }

    [Fact]
    public async Task A_cancelled_reader_leaves_others_waiting()
    {
        using var cancellation = new CancellationTokenSource();
        using var leaving = _log.Enter(3, cancellation.Token);
        using var staying = _log.Enter(3, CancellationToken.None);
        var wait = staying.WaitAsync();
        await cancellation.CancelAsync();
        Assert.False(wait.IsCompleted);
        Append(3);

        await InTime(wait.AsTask());
    }

    private static Task InTime(Task wait) => wait.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);

    private static int[] Read(SequenceLogReader reader)
    {
        Assert.True(reader.TryRead(out var range));
        return range.Ids.ToArray();
    }

    private void Append(int position) =>
        Assert.Equal(AppendResult.Appended, _log.Append(new StepEntry(_log.Id, new Epoch(1), position, position, null, null, 0, null)));
}
