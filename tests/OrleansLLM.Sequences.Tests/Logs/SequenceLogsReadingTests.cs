namespace OrleansLLM.Sequences.Tests.Logs;

/// <summary>Readers of <see cref="SequenceLogs"/>: how they follow, and what becomes of a log that they leave.</summary>
public sealed class SequenceLogsReadingTests : OpenLogs
{
    private static readonly TimeSpan Linger = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task A_waiting_reader_goes_on_off_the_appenders_thread()
    {
        var appender = 0;
        await using var reader = Read(Id, 3);
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
    public async Task A_waiting_reader_does_not_need_the_context_that_it_began_in()
    {
        await using var reader = Read(Id, 3);
        var context = SynchronizationContext.Current;
        var dead = new DeadContext();
        SynchronizationContext.SetSynchronizationContext(dead);
        var next = reader.MoveNextAsync().AsTask();
        SynchronizationContext.SetSynchronizationContext(context);
        Append(3, 7);

        Assert.True(await InTime(next));
    }

    [Fact]
    public async Task A_reader_gets_prompt_and_tokens_in_order_and_ends_with_the_sequence()
    {
        await using var reader = Read(Id, 1);
        Assert.True(await reader.MoveNextAsync());
        Assert.Equal([2, 3], reader.Current.Ids.ToArray());
        var next = reader.MoveNextAsync().AsTask();
        Append(3, 7);
        Assert.True(await InTime(next));
        Assert.Equal([7], reader.Current.Ids.ToArray());
        Append(4, 8);
        Append(5, 9, end: new SequenceEnd(FinishReason.Length));
        Assert.True(await reader.MoveNextAsync());
        Assert.Equal([8, 9], reader.Current.Ids.ToArray());
        Assert.NotNull(reader.Current.End);

        Assert.False(await reader.MoveNextAsync());
    }

    [Fact]
    public async Task A_position_before_the_first_is_refused() =>
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>("from", async () => await Read(Id, -1).MoveNextAsync());

    [Fact]
    public async Task A_cancelled_reader_gets_nothing_more_though_more_is_there()
    {
        using var cancellation = new CancellationTokenSource();
        await using var reader = ReadUntil(Id, 0, cancellation.Token);
        Append(3, 7);
        Assert.True(await reader.MoveNextAsync());
        await cancellation.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await reader.MoveNextAsync());
    }

    [Fact]
    public void A_log_that_nobody_reads_is_abandoned_once_when_the_submitter_is_gone()
    {
        Time.Advance(TimeSpan.FromSeconds(10) - TimeSpan.FromTicks(1));
        Assert.Empty(Abandoned);
        Time.Advance(TimeSpan.FromTicks(1));
        Time.Advance(TimeSpan.FromSeconds(11));

        Assert.Equal([Id], Abandoned);
        Assert.Equal(FinishReason.Cancelled, Logs.Describe(Id)!.End!.Reason);
        Time.Advance(TimeSpan.FromMinutes(1));
        Assert.Null(Logs.Describe(Id));
    }

    [Fact]
    public async Task Without_linger_the_last_reader_abandons_its_log_at_once()
    {
        var first = Read(Id, 0);
        var second = Read(Id, 0);
        await first.MoveNextAsync();
        await second.MoveNextAsync();
        await first.DisposeAsync();
        Assert.Empty(Abandoned);
        await second.DisposeAsync();

        Assert.Equal([Id], Abandoned);
    }

    [Fact]
    public async Task Who_leaves_a_silo_that_stops_is_waited_for()
    {
        Logs.LingerAtLeast(Linger);
        await ReadOneAsync(Id);
        Time.Advance(Linger - TimeSpan.FromTicks(1));
        Assert.Empty(Abandoned);
        Time.Advance(TimeSpan.FromTicks(1));
        Assert.Equal([Id], Abandoned);
    }

    [Fact]
    public async Task What_stands_is_read_once_and_what_does_not_come_is_not_waited_for_forever()
    {
        Append(3, 7);
        var attendance = Logs.Attend(Id)!;
        var range = (await Logs.ReadOnceAsync(Id, 3, Cancellation))!.Value;
        Assert.Equal((3, 7), (range.Start, range.Ids.Span[0]));
        using var patience = new CancellationTokenSource();
        var waiting = Logs.ReadOnceAsync(Id, 4, patience.Token).AsTask();
        await patience.CancelAsync();
        Assert.Null(await waiting);
        attendance.Leave();
        await Assert.ThrowsAsync<UnknownSequenceException>(async () => await Logs.ReadOnceAsync(new SequenceId(RequestId.Create(), 0), 0, Cancellation));
    }

    [Fact]
    public void Who_attends_counts_as_a_reader_until_it_leaves()
    {
        var (one, other) = (Logs.Attend(Id)!, Logs.Attend(Id)!);
        one.Leave();
        one.Leave();
        Time.Advance(TimeSpan.FromHours(1));
        Assert.Empty(Abandoned);
        other.Leave();
        Assert.Equal([Id], Abandoned);
        Assert.Null(Logs.Attend(new SequenceId(RequestId.Create(), 0)));
    }

    [Fact]
    public void Who_attends_may_be_waited_for_when_it_leaves()
    {
        Logs.Attend(Id)!.Leave(Linger);
        Time.Advance(Linger - TimeSpan.FromTicks(1));
        Assert.Empty(Abandoned);
        Time.Advance(TimeSpan.FromTicks(1));
        Assert.Equal([Id], Abandoned);
    }

    private async Task ReadOneAsync(SequenceId id)
    {
        Append(id, 3, 7);
        await foreach (var range in Logs.ReadAsync(id, 3, Cancellation))
        {
            Assert.Equal(3, range.Start);
            break;
        }
    }

    [Fact]
    public async Task With_linger_a_log_is_abandoned_when_nobody_came_back_in_time()
    {
        var id = Open(Request([1, 2, 3], Linger));
        await ReadAndLeaveAsync(id);
        Time.Advance(Linger - TimeSpan.FromTicks(1));
        Assert.DoesNotContain(id, Abandoned);
        Time.Advance(TimeSpan.FromTicks(1));

        Assert.Contains(id, Abandoned);
    }

    [Fact]
    public async Task A_reader_that_came_back_starts_the_linger_anew()
    {
        var id = Open(Request([1, 2, 3], Linger));
        await ReadAndLeaveAsync(id);
        Time.Advance(TimeSpan.FromSeconds(20));
        await ReadAndLeaveAsync(id);
        Time.Advance(TimeSpan.FromSeconds(20));
        Assert.DoesNotContain(id, Abandoned);
        Time.Advance(TimeSpan.FromSeconds(10));

        Assert.Contains(id, Abandoned);
    }

    [Fact]
    public async Task A_linger_longer_than_a_timer_can_be_ends_with_the_longest_timer()
    {
        var id = Open(Request([1, 2, 3], TimeSpan.MaxValue));
        await ReadAndLeaveAsync(id);
        Time.Advance(TimeSpan.FromDays(39));
        Assert.DoesNotContain(id, Abandoned);
        Time.Advance(TimeSpan.FromDays(1));

        Assert.Contains(id, Abandoned);
    }

    [Fact]
    public async Task A_log_that_ended_is_not_abandoned_by_its_last_reader()
    {
        Append(3, 7, end: new SequenceEnd(FinishReason.Length));
        await ReadAndLeaveAsync(Id);

        Assert.Empty(Abandoned);
        Assert.Equal(FinishReason.Length, Logs.Describe(Id)!.End!.Reason);
    }

    [Theory]
    [InlineData(LastWord.Ended)]
    [InlineData(LastWord.Removed)]
    [InlineData(LastWord.Read)]
    public async Task A_log_that_waits_for_no_reader_has_no_timer(LastWord lastWord)
    {
        var withoutLog = Timers.Open;
        var id = Open(Request([1, 2, 3], Linger));
        Assert.Equal(withoutLog + 1, Timers.Open);
        await ReadAndLeaveAsync(id);
        Assert.Equal(withoutLog + 1, Timers.Open);
        switch (lastWord)
        {
            case LastWord.Ended:
                Logs.End(id, new SequenceEnd(FinishReason.Cancelled));
                break;
            case LastWord.Removed:
                Logs.Remove([id]);
                break;
            default:
                await Read(id, 0).MoveNextAsync();
                break;
        }

        Assert.Equal(withoutLog, Timers.Open);
    }

    [Fact]
    public async Task A_reader_that_leaves_another_behind_starts_no_linger()
    {
        var withoutLog = Timers.Open;
        var id = Open(Request([1, 2, 3], Linger));
        await Read(id, 0).MoveNextAsync();
        await ReadAndLeaveAsync(id);

        Assert.Equal(withoutLog, Timers.Open);
    }

    [Fact]
    public void Disposed_logs_leave_no_timer()
    {
        Logs.Dispose();
        Assert.Equal(0, Timers.Open);
    }

    [Fact]
    public async Task A_token_that_lives_on_does_not_hold_what_its_reader_read()
    {
        using var cancellation = new CancellationTokenSource();
        var request = await ReadAndRemoveAsync(cancellation.Token);
        GC.Collect();

        Assert.False(request.IsAlive);
    }

    [Fact]
    public async Task Each_token_and_the_end_are_new_to_the_reader_that_gets_them_first()
    {
        Append(3, 50);
        await using var first = Read(Id, 3);
        await using var second = Read(Id, 3);
        await using var prompt = Read(Id, 0);
        Assert.Equal((0, 0, 0), await NewAsync(prompt));
        Assert.Equal((3, 0, 0), await NewAsync(first));
        Assert.Equal((3, 4, 0), await NewAsync(second));
        var waiting = NewAsync(first);
        Append(4, 51);
        Assert.Equal((4, 4, 0), await InTime(waiting));
        Append(5, 52, end: new SequenceEnd(FinishReason.Length));
        Assert.Equal((4, 5, 1), await NewAsync(second));
        Assert.Equal((5, 6, 0), await NewAsync(first));

        async Task<(int Start, int ReadBefore, int NewEnds)> NewAsync(IAsyncEnumerator<TokenRange> reader)
        {
            Assert.True(await reader.MoveNextAsync());
            return (reader.Current.Start, reader.Current.ReadBefore, reader.Current is { End: not null, IsEndRead: false } ? 1 : 0);
        }
    }

    public enum LastWord
    {
        Ended,
        Removed,
        Read,
    }

    private static Task<T> InTime<T>(Task<T> task) => task.WaitAsync(TimeSpan.FromSeconds(30), Cancellation);

    private async Task ReadAndLeaveAsync(SequenceId id)
    {
        await using var reader = Read(id, 0);
        Assert.True(await reader.MoveNextAsync());
    }

    private async Task<WeakReference> ReadAndRemoveAsync(CancellationToken cancellation)
    {
        var request = Request([1, 2, 3]);
        var id = Open(request);
        await using (var reader = ReadUntil(id, 0, cancellation))
        {
            await reader.MoveNextAsync();
        }

        Logs.Remove([id]);
        return new WeakReference(request);
    }

    /// <summary>Whatever is posted here is never run.</summary>
    private sealed class DeadContext : SynchronizationContext
    {
        public override void Post(SendOrPostCallback d, object? state)
        {
        }
    }
}
