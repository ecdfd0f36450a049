using Microsoft.Extensions.Time.Testing;

namespace OrleansLLM.Sequences.Tests.Logs;

public sealed class SequenceLogsTests : IDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly List<SequenceId> _abandoned = [];
    private readonly SequenceLogs _logs;
    private readonly GenerationRequest _request = Request([1, 2, 3], 10);
    private readonly SequenceId _id;

    public SequenceLogsTests()
    {
        _logs = new SequenceLogs(new SequenceLogOptions { Retention = TimeSpan.FromMinutes(1), RetainedTokens = 100 }, _time, _abandoned.Add);
        _id = new SequenceId(_request.Id, 0);
        Assert.True(_logs.Open(_request, [_id], 2));
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public void Only_the_next_position_of_the_latest_epoch_is_appended()
    {
        Assert.Equal(AppendResult.Appended, Append(3, 7));
        Assert.Equal(AppendResult.Duplicate, Append(3, 7));
        Assert.Equal(AppendResult.Gap, Append(5, 9));
        Assert.Equal(AppendResult.OlderEpoch, Append(4, 8, epoch: 1));
        _logs.RaiseEpoch(_id, 3);
        Assert.Equal(AppendResult.OlderEpoch, Append(4, 8, epoch: 2));
        Assert.Equal(AppendResult.Appended, Append(4, 8, epoch: 3, end: new SequenceEnd(FinishReason.Length)));
        Assert.Equal(AppendResult.Ended, Append(5, 8, epoch: 3));
        Assert.Equal(AppendResult.Unknown, _logs.Append(Entry(new SequenceId(RequestId.Create(), 0), 3, 1, 2, null)));
        Assert.Equal([7, 8], _logs.JournalOf(_id)!.Output.ToArray());
    }

    [Fact]
    public async Task A_waiting_reader_goes_on_off_the_appenders_thread()
    {
        var appender = 0;
        await using var reader = _logs.ReadAsync(_id, 3, Cancellation).GetAsyncEnumerator(Cancellation);
        var resumed = ReadOnAsync();
        var thread = new Thread(() =>
        {
            appender = Environment.CurrentManagedThreadId;
            Append(3, 7);
        });
        thread.Start();
        Assert.NotEqual(appender, await resumed);
        Assert.Equal([7], reader.Current.Ids.ToArray());

        async Task<int> ReadOnAsync()
        {
            await reader.MoveNextAsync().ConfigureAwait(false);
            return Environment.CurrentManagedThreadId;
        }
    }

    [Fact]
    public async Task An_ended_log_is_forgotten_after_its_time()
    {
        Append(3, 7, end: new SequenceEnd(FinishReason.Length));
        _time.Advance(TimeSpan.FromSeconds(59));
        Assert.NotNull(_logs.Describe(_id));
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.Null(_logs.Describe(_id));
        Assert.Null(_logs.Find(_request.Id));
        await Assert.ThrowsAsync<UnknownSequenceException>(async () => await _logs.ReadAsync(_id, 0, Cancellation).GetAsyncEnumerator(Cancellation).MoveNextAsync());
        Assert.Empty(_abandoned);
    }

    [Fact]
    public void The_oldest_ended_logs_go_when_all_together_are_too_large()
    {
        Append(3, 7, end: new SequenceEnd(FinishReason.Length));
        var large = Request([.. Enumerable.Range(0, 98)], 1);
        _logs.Open(large, [new SequenceId(large.Id, 0)], 1);
        _logs.End(new SequenceId(large.Id, 0), new SequenceEnd(FinishReason.Cancelled));
        Assert.Null(_logs.Describe(_id));
        Assert.NotNull(_logs.Describe(new SequenceId(large.Id, 0)));
    }

    [Fact]
    public void A_log_without_a_reader_is_abandoned_once()
    {
        _time.Advance(TimeSpan.FromSeconds(11));
        _time.Advance(TimeSpan.FromSeconds(11));
        Assert.Equal([_id], _abandoned);
        Assert.Equal(FinishReason.Cancelled, _logs.Describe(_id)!.End!.Reason);
    }

    [Fact]
    public void Forks_get_ids_that_were_never_used()
    {
        Append(3, 7);
        var first = _logs.OpenForks(_id, 4, 2, 2)!;
        _logs.Remove(first);
        Assert.Equal([new SequenceId(_request.Id, 3)], _logs.OpenForks(_id, 2, 1, 2)!);
        Assert.Null(_logs.OpenForks(_id, 5, 1, 2));
        Assert.Null(_logs.OpenForks(_id, 0, 1, 2));
    }

    public void Dispose() => _logs.Dispose();

    private AppendResult Append(int position, int token, int epoch = 2, SequenceEnd? end = null) =>
        _logs.Append(Entry(_id, position, token, epoch, end));

    private static GenerationRequest Request(int[] prompt, int maxTokens) => new()
    {
        Id = RequestId.Create(),
        Model = "fake",
        PromptIds = prompt,
        MaxTokens = maxTokens,
    };

    private static StepEntry Entry(SequenceId id, int position, int token, int epoch, SequenceEnd? end) =>
        new(id, epoch, position, token, null, null, 0, end);
}
