using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using OrleansLLM.Sequences;
using OrleansLLM.Testing;

namespace OrleansLLM.Engine.Tests;

public sealed class InferenceEngineTests : IDisposable
{
    private readonly FakeModelDevice _device = new();
    private readonly FakeModel _model = new(4, [0], 32, 4096, 16);
    private readonly InferenceEngine _engine;

    public InferenceEngineTests() => _engine = new InferenceEngine(_model, _device, CoreFixture.Options(100));

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public void A_batch_that_the_model_has_no_room_for_is_refused_with_both_numbers()
    {
        var options = CoreFixture.Options(100) with { MaxBatchedTokens = 17 };
        var error = Assert.Throws<ArgumentException>(() => new InferenceEngine(_model, _device, options));
        Assert.StartsWith("MaxBatchedTokens (--max-num-batched-tokens) is 17; it must be 1 to 16, the rows a step", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_length_that_the_model_has_no_positions_for_is_refused_unless_they_stretch()
    {
        var options = CoreFixture.Options(100) with { MaxModelLength = 4097 };
        var error = Assert.Throws<ArgumentException>(() => new InferenceEngine(_model, _device, options));
        Assert.Equal("MaxModelLength (--max-model-len) is 4097; it must be 1 to 4096, the positions that the model was made for.", error.Message);
        using var stretching = new FakeModel(4, [0], 32, 4096, 16, dynamicRopeOrigin: 4096);
        new InferenceEngine(stretching, _device, options).Dispose();
    }

    [Fact]
    public async Task What_was_accepted_since_the_last_step_waits()
    {
        using var gate = new ManualResetEventSlim();
        _model.BeforeForward = _ => gate.Wait(Cancellation);
        using var generator = new EngineGenerator(_engine, TimeProvider.System);
        for (var i = 1; i <= 3; i++)
        {
            Assert.IsType<SubmitResult.Accepted>(await generator.SubmitAsync(CoreFixture.Request([i], 5) with { Samples = 2 }, Cancellation));
            Assert.Equal(2 * i, _engine.Load.Running + _engine.Load.Waiting);
        }

        gate.Set();
    }

    [Fact]
    public async Task Progress_goes_on_without_work()
    {
        var before = _engine.Progress;
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        patience.CancelAfter(TimeSpan.FromSeconds(10));
        while (_engine.Progress < before + 2)
        {
            patience.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    [Fact]
    public async Task Draining_finishes_what_runs_and_refuses_what_comes()
    {
        using var generator = new EngineGenerator(_engine, TimeProvider.System);
        var accepted = await generator.SubmitAsync(CoreFixture.Request([1, 2, 3], 100), Cancellation);
        var sequence = Assert.IsType<SubmitResult.Accepted>(accepted).Sequences[0];
        await _engine.DrainAsync(Cancellation);
        var refused = await generator.SubmitAsync(CoreFixture.Request([1, 2, 3], 100), Cancellation);
        Assert.Equal(RefusalReason.Unavailable, Assert.IsType<SubmitResult.Refused>(refused).Reason);
        var tokens = 0;
        await foreach (var range in generator.ReadAsync(sequence, 3, Cancellation))
        {
            tokens += range.Ids.Length;
        }

        Assert.Equal(100, tokens);
    }

    [Fact]
    public async Task Stopping_ends_what_runs_and_refuses_what_comes()
    {
        using var generator = new EngineGenerator(_engine, TimeProvider.System);
        var accepted = await generator.SubmitAsync(CoreFixture.Request([1, 2, 3], 380), Cancellation);
        _engine.Dispose();
        SequenceEnd? end = null;
        await foreach (var range in generator.ReadAsync(Assert.IsType<SubmitResult.Accepted>(accepted).Sequences[0], 3, Cancellation))
        {
            end = range.End;
        }

        Assert.True(end!.Reason is FinishReason.ShutDown or FinishReason.Length);
        Assert.IsType<SubmitResult.Refused>(await generator.SubmitAsync(CoreFixture.Request([1], 3), Cancellation));
    }

    [Fact]
    public async Task Whatever_is_asked_while_a_step_runs_is_answered_while_it_runs()
    {
        using var generator = new EngineGenerator(_engine, TimeProvider.System);
        int[] prompt = [1, 2, 3, 4, 5, 6, 7, 8, 9];
        using var release = new ManualResetEventSlim();
        using var entered = new ManualResetEventSlim();
        var passes = 0;
        _model.BeforeForward = _ =>
        {
            if (++passes == 3)
            {
                entered.Set();
                release.Wait(TimeSpan.FromMinutes(1));
            }
        };
        var running = Accepted(await generator.SubmitAsync(CoreFixture.Request(prompt, 300), Cancellation));
        await using var reader = generator.ReadAsync(running, 10, Cancellation).GetAsyncEnumerator(Cancellation);
        Assert.True(await reader.MoveNextAsync());
        Assert.True(entered.Wait(TimeSpan.FromSeconds(30), Cancellation));

        var submitted = CoreFixture.Request([3, 4], 5);
        var late = Accepted(await generator.SubmitAsync(submitted, Cancellation));
        Assert.Equal(SequencePhase.Waiting, (await generator.DescribeAsync(late, Cancellation))!.Phase);
        var described = (await generator.DescribeAsync(running, Cancellation))!;
        Assert.Equal(11, described.Tokens);
        Assert.Equal(12, await generator.ChangeAsync(running, new SequenceChange(Priority: 2), Cancellation));
        Assert.Equal(8, await _engine.MatchPrefixAsync(prompt, "", Cancellation));
        var child = Accepted(await generator.ForkAsync(running, 9, 1, Cancellation));
        Assert.True(await generator.FinishAsync(child, 9, FinishReason.Stop, Cancellation));
        await generator.CancelAsync(submitted.Id, Cancellation);
        await generator.CancelAsync(running.Request, Cancellation);
        Assert.Equal(FinishReason.Cancelled, (await generator.DescribeAsync(running, Cancellation))!.End!.Reason);
        release.Set();
        await _engine.DrainAsync(Cancellation);
        Assert.Null(await _engine.FindLeakAsync(Cancellation));
    }

    private static SequenceId Accepted(SubmitResult result) => Assert.IsType<SubmitResult.Accepted>(result).Sequences[0];

    [Fact]
    public async Task The_prefix_cache_tells_what_it_holds_of_a_prompt()
    {
        using var generator = new EngineGenerator(_engine, TimeProvider.System);
        int[] prompt = [1, 2, 3, 4, 5, 6, 7, 8, 9];
        Assert.Equal(0, await _engine.MatchPrefixAsync(prompt, "", Cancellation));
        await generator.SubmitAsync(CoreFixture.Request(prompt, 2), Cancellation);
        await _engine.DrainAsync(Cancellation);
        Assert.Equal(8, await _engine.MatchPrefixAsync(prompt, "", Cancellation));
        Assert.Equal(0, await _engine.MatchPrefixAsync(prompt, (CoreFixture.Request(prompt, 1) with { CacheSalt = "salt" }).PrefixOwner, Cancellation));
    }

    [Fact]
    public async Task Meters_have_vllms_names_and_labels()
    {
        using var generator = new EngineGenerator(_engine, TimeProvider.System);
        await generator.SubmitAsync(CoreFixture.Request([1, 2, 3], 5), Cancellation);
        await _engine.DrainAsync(Cancellation);
        var seen = new Dictionary<string, double>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, self) =>
            {
                if (instrument.Meter.Name == "OrleansLLM")
                {
                    self.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Note(instrument.Name, value, tags));
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Note(instrument.Name, value, tags));
        listener.Start();
        listener.RecordObservableInstruments();
        foreach (var name in new[]
        {
            "vllm.num_requests_running", "vllm.num_requests_waiting", "vllm.kv_cache_usage_perc", "vllm.prefix_cache_hits",
            "vllm.num_preemptions", "orleansllm.preemptions_by_mode", "orleansllm.engine_failures",
        })
        {
            Assert.Contains(name, seen.Keys);
        }

        void Note(string name, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            Assert.Equal("model_name", tags[0].Key);
            Assert.Equal("engine", tags[1].Key);
            seen[name] = value;
        }
    }

    [Theory]
    [InlineData(PreemptionMode.Recompute)]
    [InlineData(PreemptionMode.Swap)]
    public async Task Preemptions_are_counted_by_how_they_come_back(PreemptionMode mode)
    {
        using var device = new FakeModelDevice();
        var options = CoreFixture.Options(12) with { Model = $"counted {mode}", Preemption = mode, MaxModelLength = 40 };
        using var engine = new InferenceEngine(new FakeModel(4, [0], 32, 4096, 16), device, options);
        using var generator = new EngineGenerator(engine, TimeProvider.System);
        using var arrived = new ManualResetEventSlim();
        var held = engine.AskAsync(_ => arrived.Wait(TimeSpan.FromSeconds(30), Cancellation), false);
        var submissions = Enumerable.Range(1, 3).Select(i => generator.SubmitAsync(CoreFixture.Request([i], 30), Cancellation).AsTask()).ToArray();
        arrived.Set();
        Assert.True(await held);
        await Task.WhenAll(submissions);
        await engine.DrainAsync(Cancellation);
        var seen = new Dictionary<string, long>();
        using var listener = new MeterListener { InstrumentPublished = (instrument, self) => self.EnableMeasurementEvents(instrument) };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
        {
            var labels = tags.ToArray().ToDictionary(tag => tag.Key, tag => tag.Value);
            if (labels.GetValueOrDefault("model_name") as string == options.Model)
            {
                seen[$"{instrument.Name} {labels.GetValueOrDefault("mode")}".Trim()] = value;
            }
        });
        listener.Start();
        listener.RecordObservableInstruments();
        var statistics = engine.Statistics;
        Assert.True(statistics.Preemptions > 0);
        Assert.Equal(statistics.Preemptions, mode == PreemptionMode.Swap ? statistics.PreemptionsBySwap : statistics.PreemptionsByRecompute);
        Assert.Equal(statistics.Preemptions, seen["vllm.num_preemptions"]);
        Assert.Equal(statistics.PreemptionsByRecompute, seen["orleansllm.preemptions_by_mode recompute"]);
        Assert.Equal(statistics.PreemptionsBySwap, seen["orleansllm.preemptions_by_mode swap"]);
    }

    [Fact]
    public async Task Waiting_requests_run_by_priority_and_within_one_by_arrival()
    {
        using var device = new FakeModelDevice();
        using var engine = new InferenceEngine(new FakeModel(4, [0], 32, 4096, 16), device, CoreFixture.Options(100) with { MaxSequences = 1 });
        using var arrived = new ManualResetEventSlim();
        var sink = new EndRecorder(5);
        var held = engine.AskAsync(_ => arrived.Wait(TimeSpan.FromSeconds(30), Cancellation), false);
        var requests = new[] { 0, 5, -1, 5, 0 }.Select(priority => CoreFixture.Request([1, 2, 3], 4) with { Priority = priority }).ToArray();
        var submissions = requests.Select(request => engine.SubmitAsync(new Attempt(request, CoreFixture.Epoch(1), Journal.Begin(request).Sequences), sink, Cancellation).AsTask()).ToArray();
        arrived.Set();
        Assert.True(await held);
        await Task.WhenAll(submissions);
        await sink.AllEnded.WaitAsync(Cancellation);
        Assert.Equal(new[] { 2, 0, 4, 1, 3 }.Select(i => requests[i].Id), sink.Ended.Select(id => id.Request));
    }

    [Theory]
    [InlineData(PreemptionMode.Recompute)]
    [InlineData(PreemptionMode.Swap)]
    public async Task Requests_that_leave_at_any_moment_leave_no_block_behind(PreemptionMode mode)
    {
        using var device = new FakeModelDevice(transferPolls: 2);
        var options = CoreFixture.Options(36) with { Preemption = mode, MaxModelLength = 60 };
        using var engine = new InferenceEngine(new FakeModel(4, [0, 6], 32, 4096, 16), device, options);
        using var generator = new EngineGenerator(engine, TimeProvider.System);
        await Task.WhenAll(Enumerable.Range(0, 400).Select(seed => Task.Run(() => SubmitAndLeaveAsync(generator, new Random(seed)), Cancellation)));
        await engine.DrainAsync(Cancellation);
        Assert.Null(await engine.FindLeakAsync(Cancellation));
        Assert.True(engine.Statistics.Preemptions > 0);
    }

    private static async Task SubmitAndLeaveAsync(EngineGenerator generator, Random random)
    {
        int[] prompt = [.. Enumerable.Range(0, random.Next(1, 40)).Select(_ => random.Next(32))];
        var request = CoreFixture.Request(prompt, 16) with { Samples = random.Next(1, 4) };
        using var leaving = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var submission = generator.SubmitAsync(request, leaving.Token);
        if (random.Next(5) == 0)
        {
            await leaving.CancelAsync();
        }

        try
        {
            var sequences = Assert.IsType<SubmitResult.Accepted>(await submission).Sequences;
            for (var pauses = random.Next(60); pauses > 0; pauses--)
            {
                await Task.Yield();
            }

            if (random.Next(2) == 0)
            {
                await generator.CancelAsync(request.Id, Cancellation);
                return;
            }

            // A reader that leaves early; its sequence ends with it, the others ran to their end or are cancelled.
            await using var reader = generator.ReadAsync(sequences[0], random.Next(prompt.Length + 8), Cancellation).GetAsyncEnumerator(Cancellation);
            await reader.MoveNextAsync();
            await generator.FinishAsync(sequences[^1], prompt.Length + random.Next(8), FinishReason.Stop, Cancellation);
        }
        catch (OperationCanceledException) when (leaving.IsCancellationRequested)
        {
        }
    }

    [Fact]
    public void A_cache_without_room_for_a_token_is_refused_with_the_numbers()
    {
        var refused = Assert.Throws<ArgumentException>(() => new InferenceEngine(_model, _device, CoreFixture.Options(0)));
        Assert.StartsWith(
            "KvCacheBytes (--kv-cache-memory-bytes) is 0; it must be 32 bytes or more: one token takes 1 block of 32 bytes", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_prompt_that_the_pool_can_never_hold_is_refused_with_its_size()
    {
        using var small = new InferenceEngine(_model, _device, CoreFixture.Options(5));
        var request = CoreFixture.Request([1, 2, 3], 30);
        var attempt = new Attempt(request, CoreFixture.Epoch(1), Journal.Begin(request).Sequences);
        var refused = Assert.IsType<SubmitResult.Refused>(await small.SubmitAsync(attempt, new CoreFixture(CoreFixture.Options(5), [0]), Cancellation));
        Assert.Equal(RefusalReason.TooLong, refused.Reason);
        Assert.Contains("33 together, but at most 20 fit. That is what the KV pool of 5 blocks of 4 slots holds", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_sink_that_throws_is_logged_and_the_engine_goes_on()
    {
        var log = new FakeLogger<InferenceEngine>();
        using var engine = new InferenceEngine(_model, _device, CoreFixture.Options(100), logger: log);
        var request = CoreFixture.Request([1, 2, 3], 1);
        await engine.SubmitAsync(new Attempt(request, CoreFixture.Epoch(1), Journal.Begin(request).Sequences), new ThrowingSink(), Cancellation);
        await engine.DrainAsync(Cancellation);
        var record = Assert.Single(log.Collector.GetSnapshot());
        Assert.Equal((LogLevel.Error, 2, "SinkFailed", "full"), (record.Level, record.Id.Id, record.Id.Name, record.Exception!.Message));
        Assert.Null(await engine.FindLeakAsync(Cancellation));
    }

    [Fact]
    public async Task A_bug_that_stops_the_loop_is_critical_and_nothing_more_is_taken()
    {
        var log = new FakeLogger<InferenceEngine>();
        var engine = new InferenceEngine(_model, _device, CoreFixture.Options(100), logger: log);
        using var generator = new EngineGenerator(engine, TimeProvider.System);
        await Assert.ThrowsAsync<InvalidOperationException>(() => engine.AskAsync<int>(_ => throw new InvalidOperationException("a bug"), 0));
        Assert.True(SpinWait.SpinUntil(() => engine.HasLeftDevice, TimeSpan.FromMinutes(1)));
        Assert.IsType<SubmitResult.Refused>(await generator.SubmitAsync(CoreFixture.Request([1], 3), Cancellation));
        engine.Dispose();
        var record = Assert.Single(log.Collector.GetSnapshot());
        Assert.Equal((LogLevel.Critical, 3, "LoopStopped", "a bug"), (record.Level, record.Id.Id, record.Id.Name, record.Exception!.Message));
    }

    public void Dispose()
    {
        _engine.Dispose();
        _device.Dispose();
    }

    private sealed class ThrowingSink : IStepSink
    {
        public void OnStep(StepBatch batch) => throw new InvalidOperationException("full");
    }

    /// <summary>The order of ends, written on the step's thread.</summary>
    private sealed class EndRecorder(int count) : IStepSink
    {
        private readonly TaskCompletionSource _allEnded = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public List<SequenceId> Ended { get; } = [];

        public Task AllEnded => _allEnded.Task;

        public void OnStep(StepBatch batch)
        {
            Ended.AddRange(batch.Entries.Where(entry => entry.End is not null).Select(entry => entry.Sequence));
            if (Ended.Count == count)
            {
                _allEnded.TrySetResult();
            }
        }
    }
}
