using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Time.Testing;
using OrleansLLM.Models;
using OrleansLLM.Testing;

namespace OrleansLLM.Engine.Tests;

/// <summary>An engine whose step gets nowhere says so, ends what it holds and lets itself be disposed.</summary>
public sealed class StepWatchTests : IDisposable
{
    private readonly FakeModelDevice _device = new();
    private readonly FakeModel _model = new(4, [0], 32, 4096, 16);
    private readonly FakeTimeProvider _time = new();
    private readonly FakeLogger<InferenceEngine> _log = new();
    private readonly ManualResetEventSlim _release = new();
    private readonly ManualResetEventSlim _entered = new();
    private ForwardBatch? _pass;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_step_without_progress_for_thirty_seconds_ends_everything_with_a_sentence()
    {
        var engine = Create();
        using var generator = new EngineGenerator(engine, TimeProvider.System);
        var running = await SubmitAndHoldAsync(generator);
        var waiting = Accepted(await generator.SubmitAsync(CoreFixture.Request([4], 3), Cancellation));
        Advance(30);
        Assert.Null(engine.Failure);
        Advance(1);
        const string Sentence = "The engine is stuck: its step has got nowhere for 30 s.";
        Assert.Equal(Sentence, engine.Failure);
        Assert.True(engine.Statistics.HasFailed);
        foreach (var sequence in new[] { running, waiting })
        {
            await foreach (var range in generator.ReadAsync(sequence, 1, Cancellation))
            {
                Assert.Equal(range.End is null ? null : new SequenceEnd(FinishReason.Failed, Message: Sentence), range.End);
            }
        }

        var refused = Assert.IsType<SubmitResult.Refused>(await generator.SubmitAsync(CoreFixture.Request([5], 3), Cancellation));
        Assert.Equal((RefusalReason.Unavailable, Sentence), (refused.Reason, refused.Message));
        var record = Assert.Single(_log.Collector.GetSnapshot());
        Assert.Equal((LogLevel.Critical, "LoopStuck"), (record.Level, record.Id.Name));
        await engine.DrainAsync(Cancellation);

        engine.Dispose();
        Assert.False(engine.HasLeftDevice);
        _release.Set();
        SpinWait.SpinUntil(() => engine.HasLeftDevice, TimeSpan.FromSeconds(30));
        Assert.True(engine.HasLeftDevice);
    }

    [Fact]
    public async Task A_long_step_that_gets_on_layer_by_layer_is_not_stuck()
    {
        using var engine = Create();
        using var generator = new EngineGenerator(engine, TimeProvider.System);
        var running = await SubmitAndHoldAsync(generator);
        for (var layer = 0; layer < 10; layer++)
        {
            _pass!.CountLayer();
            Advance(29);
        }

        Assert.Null(engine.Failure);
        _release.Set();
        await foreach (var range in generator.ReadAsync(running, 1, Cancellation))
        {
            Assert.NotEqual(FinishReason.Failed, range.End?.Reason);
        }
    }

    /// <summary>A process that was stopped for an hour sees one tick when it goes on.</summary>
    [Fact]
    public void Time_in_which_nobody_looked_does_not_count()
    {
        var time = new OneTick();
        var (progress, stuck) = (0L, 0);
        using var watch = new StepWatch(() => progress, () => stuck++, time);
        Tick(30);
        progress++;
        Tick(30);
        Assert.Equal(0, stuck);
        Tick(1);
        Assert.Equal(1, stuck);

        void Tick(int times)
        {
            for (var i = 0; i < times; i++)
            {
                time.Ring();
            }
        }
    }

    /// <summary>Whose timer rings when the test says, however much time has passed.</summary>
    private sealed class OneTick : TimeProvider, ITimer
    {
        private Action _ring = () => { };

        public void Ring() => _ring();

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            _ring = () => callback(state);
            return this;
        }

        public bool Change(TimeSpan dueTime, TimeSpan period) => true;

        public void Dispose()
        {
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    public void Dispose()
    {
        _release.Set();
        _device.Dispose();
        _release.Dispose();
        _entered.Dispose();
    }

    private static SequenceId Accepted(SubmitResult result) => Assert.IsType<SubmitResult.Accepted>(result).Sequences[0];

    private InferenceEngine Create() => new(_model, _device, CoreFixture.Options(100), TimeProvider.System, _time, _log);

    private async Task<SequenceId> SubmitAndHoldAsync(EngineGenerator generator)
    {
        _model.BeforeForward = pass =>
        {
            _pass = pass;
            _entered.Set();
            _release.Wait(TimeSpan.FromMinutes(1));
        };
        var sequence = Accepted(await generator.SubmitAsync(CoreFixture.Request([1, 2, 3], 5), Cancellation));
        Assert.True(_entered.Wait(TimeSpan.FromSeconds(30), Cancellation));
        return sequence;
    }

    private void Advance(int seconds)
    {
        for (var second = 0; second < seconds; second++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
        }
    }
}
