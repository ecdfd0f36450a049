using System.Threading.Channels;
using Microsoft.Extensions.Time.Testing;
using OrleansLLM.Sequences;

namespace OrleansLLM.Cluster.Tests;

public sealed class GatewayOutletTests
{
    private static readonly SequenceId First = new(new RequestId(0, 1), 0);
    private static readonly SequenceId Second = new(new RequestId(0, 2), 0);

    private readonly ManualEngine _engine = new("model");
    private readonly ManualSink _sink = new();
    private readonly NotedPauses _time = new();
    private readonly SuspectSeat _seat = new(TimeProvider.System);
    private bool _isMember;
    private AttemptCopies? _copies;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_is_produced_during_a_call_goes_with_the_next_one_in_order()
    {
        var outlet = Open();
        Step(outlet, 10);
        var call = await _sink.NextCall();
        for (var position = 11; position < 20; position++)
        {
            Step(outlet, position);
        }

        Assert.Equal([10], call.Positions);
        Assert.False(_sink.HasCall);
        call.Answer.SetResult();

        var next = await _sink.NextCall();
        Assert.Equal(Enumerable.Range(11, 9), next.Positions);
        next.Answer.SetResult();
        Step(outlet, 20);
        Assert.Equal([20], (await _sink.NextCall()).Positions);
    }

    [Fact]
    public async Task A_gateway_that_does_not_answer_delays_no_other()
    {
        var slow = Open();
        var quickSink = new ManualSink();
        var quick = Open(quickSink);
        Step(slow, 10);
        _ = await _sink.NextCall();

        for (var position = 10; position < 50; position++)
        {
            Step(slow, position);
            Step(quick, position);
            (await quickSink.NextCall()).Answer.SetResult();
        }
    }

    [Fact]
    public async Task A_call_that_failed_is_repeated_with_the_same_tokens()
    {
        var outlet = Open();
        Step(outlet, 10);
        (await _sink.NextCall()).Answer.SetException(new TimeoutException());
        Step(outlet, 11);

        var again = await NextCallAfterAPause();
        Assert.Equal([10], again.Positions);
        again.Answer.SetResult();
        Assert.Equal([11], (await _sink.NextCall()).Positions);
    }

    [Fact]
    public async Task Sequences_of_a_gateway_that_is_gone_are_ended()
    {
        var outlet = Open();
        Step(outlet, 10, First);
        (await _sink.NextCall()).Answer.SetException(new TimeoutException());
        for (var tries = 1; tries < 5; tries++)
        {
            (await NextCallAfterAPause()).Answer.SetException(new TimeoutException());
        }

        await _engine.Ended(First).WaitAsync(Cancellation);
        Step(outlet, 30, Second);
        await _engine.Ended(Second).WaitAsync(Cancellation);
        Assert.True(outlet.IsLost);
    }

    [Fact]
    public async Task A_gateway_that_the_table_of_members_has_is_told_again_for_as_long()
    {
        _isMember = true;
        var outlet = Open();
        Step(outlet, 10, First);
        (await _sink.NextCall()).Answer.SetException(new TimeoutException());
        for (var tries = 1; tries < 20; tries++)
        {
            (await NextCallAfterAPause()).Answer.SetException(new TimeoutException());
        }

        Step(outlet, 11, First);
        (await NextCallAfterAPause()).Answer.SetResult();
        Assert.Equal([11], (await _sink.NextCall()).Positions);
        Assert.False(outlet.IsLost);
        Assert.Equal(TimeSpan.FromSeconds(1), _time.Pauses.Max());
    }

    [Fact]
    public async Task A_suspect_leaves_its_seat_when_its_token_was_delivered()
    {
        Assert.True(await _seat.TakeAsync(First.Request, TimeSpan.Zero));
        var outlet = Open();
        Step(outlet, 10, Second);
        var call = await _sink.NextCall();
        Step(outlet, 10, First);
        call.Answer.SetResult();
        call = await _sink.NextCall();
        Assert.True(_seat.IsHeldBy(First.Request));
        call.Answer.SetResult();
        Assert.True(await _seat.TakeAsync(Second.Request, TimeSpan.FromSeconds(30)));
    }

    [Fact]
    public async Task Where_there_is_a_copy_what_a_gateway_that_is_gone_would_have_shown_stands_in_it_and_is_computed_on()
    {
        _copies = new AttemptCopies(TimeProvider.System);
        var request = new GenerationRequest { Id = First.Request, Model = "model", PromptIds = new int[10], MaxTokens = 9 };
        _copies.Begin(new AttemptMessage(JournalMessage.From(Journal.Begin(request)), new GatewayMessage("gateway", "127.0.0.1:1@2"), Epoch: 1, Incarnation: 1, []));
        var outlet = Open();
        Step(outlet, 10, First);
        var call = await _sink.NextCall();
        Assert.Equal([10], Copied());
        call.Answer.SetException(new InvalidDataException());
        Step(outlet, 11, First);
        outlet.Flush();
        Assert.Equal([10, 11], Copied());
        while (!outlet.IsLost)
        {
            await Task.Yield();
        }

        Step(outlet, 12, First);
        outlet.Flush();
        Assert.Equal([10, 11, 12], Copied());
        Assert.False(_engine.Ended(First).IsCompleted);
        Assert.False(_sink.HasCall);

        IEnumerable<int> Copied() => StepFormatTests.Read(Assert.Single(_copies!.Of(First.Request)).Entries).Select(entry => entry.Position);
    }

    [Fact]
    public async Task Each_pause_is_longer_than_the_one_before()
    {
        var outlet = Open();
        Step(outlet, 10, First);
        (await _sink.NextCall()).Answer.SetException(new TimeoutException());
        for (var tries = 1; tries < 5; tries++)
        {
            Assert.False(outlet.IsLost);
            (await NextCallAfterAPause()).Answer.SetException(new TimeoutException());
        }

        await _engine.Ended(First).WaitAsync(Cancellation);
        Assert.Equal([200, 400, 600, 800], _time.Pauses.Select(pause => pause.TotalMilliseconds));
    }

    [Fact]
    public async Task A_gateway_that_cannot_read_the_steps_is_gone_at_once()
    {
        var outlet = Open();
        Step(outlet, 10, First);
        (await _sink.NextCall()).Answer.SetException(new InvalidDataException());

        await _engine.Ended(First).WaitAsync(Cancellation);
        Assert.True(outlet.IsLost);
        Assert.Empty(_time.Pauses);
    }

    [Fact]
    public async Task What_was_not_sent_yet_is_ended_with_what_was()
    {
        var outlet = Open();
        Step(outlet, 10, First);
        var call = await _sink.NextCall();
        Step(outlet, 10, Second);
        call.Answer.SetException(new InvalidDataException());

        await _engine.Ended(First).WaitAsync(Cancellation);
        await _engine.Ended(Second).WaitAsync(Cancellation);
        Step(outlet, 11, Second);
        Assert.False(_sink.HasCall);
    }

    [Fact]
    public async Task The_bytes_of_a_failed_call_stay_as_they_are()
    {
        var outlet = Open();
        Step(outlet, 10);
        var failed = await _sink.NextCall();
        failed.Answer.SetException(new TimeoutException());
        (await NextCallAfterAPause()).Answer.SetResult();
        for (var position = 11; position < 15; position++)
        {
            Step(outlet, position);
            (await _sink.NextCall()).Answer.SetResult();
        }

        Assert.Equal([10], PositionsIn(failed.Message));
    }

    [Fact]
    public async Task Leaving_a_step_allocates_nothing_once_the_buffers_have_grown()
    {
        var outlet = Open();
        var batch = ManualEngine.Batch([.. Enumerable.Range(0, 256).Select(index => Entry(10, new SequenceId(new RequestId(0, 1), index)))]);
        outlet.OnStep(batch);
        for (var round = 0; round < 3; round++)
        {
            var call = await _sink.NextCall();
            outlet.OnStep(batch);
            outlet.OnStep(batch);
            call.Answer.SetResult();
        }

        _ = await _sink.NextCall();
        var before = GC.GetAllocatedBytesForCurrentThread();
        outlet.OnStep(batch);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static StepEntry Entry(int position, SequenceId sequence) => new(sequence, new Epoch(1), position, 5, null, null, 0, null);

    private static void Step(GatewayOutlet outlet, int position, SequenceId? sequence = null) =>
        outlet.OnStep(ManualEngine.Batch(Entry(position, sequence ?? First)));

    private GatewayOutlet Open(ManualSink? sink = null) => new(
        _engine, new GatewayLine(new WorkerId("silo", 0), new GatewayMessage("gateway", "127.0.0.1:1@2"), sink ?? _sink, () => _isMember), _seat, _copies, _time);

    private async Task<Call> NextCallAfterAPause()
    {
        var next = _sink.NextCall();
        while (!next.IsCompleted)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }

        return await next;
    }

    private static IReadOnlyList<int> PositionsIn(StepMessage message) =>
        [.. StepFormatTests.Read(message.Entries.Span).Select(entry => entry.Position)];

    private sealed record Call(StepMessage Message, IReadOnlyList<int> Positions, TaskCompletionSource Answer);

    private sealed class NotedPauses : TimeProvider
    {
        private readonly FakeTimeProvider _time = new();

        public List<TimeSpan> Pauses { get; } = [];

        public void Advance(TimeSpan by) => _time.Advance(by);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            Pauses.Add(dueTime);
            return _time.CreateTimer(callback, state, dueTime, period);
        }
    }

    private sealed class ManualSink : IGatewaySinkGrain
    {
        private readonly Channel<Call> _calls = Channel.CreateUnbounded<Call>();

        public bool HasCall => _calls.Reader.TryPeek(out _);

        public Task OnStep(StepMessage message)
        {
            var call = new Call(message, PositionsIn(message), new TaskCompletionSource());
            _calls.Writer.TryWrite(call);
            return call.Answer.Task;
        }

        public Task<CountReply> Count() => Task.FromResult(new CountReply(0, 0));

        public Task OnReport(ReportMessage message) => Task.CompletedTask;

        public Task<Call> NextCall() => _calls.Reader.ReadAsync(Cancellation).AsTask();
    }
}
