using OrleansLLM.Sequences;
using OrleansLLM.Testing;

namespace OrleansLLM.Engine.Tests;

/// <summary>How an engine's life ends: drains, stops and disposals in any order, at any moment.</summary>
public sealed class StepLoopTests : IDisposable
{
    private readonly FakeModelDevice _device = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_drain_that_waits_ends_with_the_disposal()
    {
        var engine = Create();
        using var generator = new EngineGenerator(engine, TimeProvider.System);
        await generator.SubmitAsync(CoreFixture.Request([1, 2, 3], 380), Cancellation);
        var drain = engine.DrainAsync(Cancellation);
        engine.Dispose();
        await drain.WaitAsync(Cancellation);
    }

    /// <summary>Both stand in the inbox when the loop looks: the later one must not undo the earlier.</summary>
    [Fact]
    public async Task A_drain_behind_a_stop_lets_the_loop_end()
    {
        var engine = Create();
        using var arrived = new ManualResetEventSlim();
        var held = engine.AskAsync(_ => arrived.Wait(TimeSpan.FromSeconds(30), Cancellation), false);
        engine.Stop();
        var drain = engine.DrainAsync(Cancellation);
        arrived.Set();
        Assert.True(await held);
        await drain.WaitAsync(Cancellation);
        Assert.False(await engine.AskAsync(_ => true, false));
        await Task.Run(engine.Dispose, Cancellation).WaitAsync(TimeSpan.FromSeconds(30), Cancellation);
    }

    [Fact]
    public async Task A_drain_after_the_disposal_has_nothing_to_wait_for_and_disposing_twice_is_once()
    {
        var engine = Create();
        engine.Dispose();
        await engine.DrainAsync(Cancellation);
        engine.Dispose();
        await engine.DrainAsync(Cancellation);
        engine.Stop();
        Assert.Null(await engine.DescribeAsync(new AttemptId(new SequenceId(RequestId.Create(), 0), default), Cancellation));
    }

    [Fact]
    public async Task Any_order_of_drains_stops_and_disposals_ends()
    {
        for (var seed = 0; seed < 200; seed++)
        {
            var random = new Random(seed);
            var engine = Create();
            using var generator = new EngineGenerator(engine, TimeProvider.System);
            await Task.WhenAll(Enumerable.Range(0, 3).Select(i => generator.SubmitAsync(CoreFixture.Request([i, 2], 38), Cancellation).AsTask()));
            await Task.WhenAll(Enumerable.Range(0, random.Next(1, 8)).Select(_ => random.Next(4) switch
            {
                0 => Task.Run(engine.Stop, Cancellation),
                1 => Task.Run(engine.Dispose, Cancellation),
                2 => Task.Run(() => generator.SubmitAsync(CoreFixture.Request([1], 30), Cancellation).AsTask(), Cancellation),
                _ => Task.Run(() => engine.DrainAsync(Cancellation), Cancellation),
            })).WaitAsync(TimeSpan.FromSeconds(30), Cancellation);
            await Task.Run(engine.Dispose, Cancellation).WaitAsync(TimeSpan.FromSeconds(30), Cancellation);
        }
    }

    public void Dispose() => _device.Dispose();

    private InferenceEngine Create() => new(
        new FakeModel(4, [0], 32, 4096, 16), _device, CoreFixture.Options(100) with { Preemption = PreemptionMode.Swap });
}
