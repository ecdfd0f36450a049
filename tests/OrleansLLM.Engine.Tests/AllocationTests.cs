using System.Text.Json;
using Microsoft.Extensions.Logging.Testing;
using OrleansLLM.Compute;
using OrleansLLM.Compute.Cpu;
using OrleansLLM.Models;
using OrleansLLM.Sequences;
using OrleansLLM.Testing;

namespace OrleansLLM.Engine.Tests;

[CollectionDefinition(nameof(AllocationTests), DisableParallelization = true)]
public sealed class AllocationTestsRunAlone;

/// <summary>
/// Managed bytes that the step's thread allocates, compared with expected-allocations.json: a rise fails, a fall is to be committed there.
/// </summary>
[Collection(nameof(AllocationTests))]
public class AllocationTests
{
    private const int Steps = 300;

    private static readonly Dictionary<string, long> Expected = JsonSerializer.Deserialize<Dictionary<string, long>>(
        File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "expected-allocations.json")))!;

    [Fact]
    public void A_step_allocates_what_is_written_down()
    {
        Assert.Equal(Expected["EngineCore.Step, 6 sequences decode"], Measure(new NullSink()));
    }

    [Fact]
    public void Publishing_a_step_allocates_at_most_what_is_written_down()
    {
        var delivered = 0;
        Assert.InRange(Measure(new StepMailbox(_ => delivered++)), 0, Expected["StepMailbox.OnStep, at most"]);
    }

    [Fact]
    public void Publishing_to_an_appender_that_never_runs_allocates_what_is_written_down()
    {
        // Not disposed: the appender may still pass it when the test is over.
        var held = new ManualResetEventSlim();
        using var arrived = new ManualResetEventSlim();
        var mailbox = new StepMailbox(entry =>
        {
            if (entry.Sequence == default)
            {
                arrived.Set();
            }

            held.Wait(TestContext.Current.CancellationToken);
        });
        var first = new StepBatch();
        first.Add(default);
        mailbox.OnStep(first);
        arrived.Wait(TestContext.Current.CancellationToken);
        var allocated = Measure(mailbox);
        held.Set();
        Assert.Equal(Expected["StepMailbox.OnStep, 3600 entries late"], allocated);
    }

    /// <summary>Arrivals, chunks of prompts, prefix hits, copies for samples, every way to draw, and preemption, in steps of a real model.</summary>
    [Theory]
    [InlineData(PreemptionMode.Recompute)]
    [InlineData(PreemptionMode.Swap)]
    public void A_busy_model_allocates_what_is_written_down(PreemptionMode mode)
    {
        using var file = ModelFile.Open(ReferenceData.Atlas);
        using var device = CpuDevice.Create(new CpuDeviceOptions { Threads = 1 });
        using var model = file.Load(device, new ModelLoadOptions(MaxRows: 32, BlockSize: 16, ElementType.BFloat16));
        var log = new FakeLogger();
        using var core = new EngineCore(model, device, BusyOptions(model) with { Preemption = mode }, TimeProvider.System, log);
        var sink = new NullSink();
        long allocated = 0;
        for (var round = 0; round < 3; round++)
        {
            var attempts = BusyAttempts().Select(core.Prepare).ToArray();

            // What starts with the first step has its rooms from its submitters.
            foreach (var sequence in attempts.Take(8).SelectMany(attempt => attempt))
            {
                sequence.MakeRoom();
            }

            var before = GC.GetAllocatedBytesForCurrentThread();
            foreach (var attempt in attempts)
            {
                core.Add(attempt, sink);
            }

            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            while (!core.IsIdle)
            {
                allocated += AllocatedByStep(core);
            }
        }

        Assert.Equal(Expected["EngineCore.Submit and Step, a busy model"], allocated);
        Assert.Empty(log.Collector.GetSnapshot());
        Assert.True(core.Statistics.Preemptions > 10 && core.Statistics.PrefixHits > 100, $"{core.Statistics}");
    }

    /// <summary>Answers that outgrow their rooms again and again: of tokens, of thousands of distinct ones with penalties, of log probabilities.</summary>
    [Theory]
    [InlineData(1, 1, null, 9000)]
    [InlineData(1.1f, 4, null, 9000)]
    [InlineData(1, 2, 3, 2000)]
    public void A_long_answer_allocates_what_is_written_down(float repetitionPenalty, int sequences, int? logprobs, int length)
    {
        using var device = new FakeModelDevice();
        using var model = new FakeModel(16, [0, 16], vocabulary: 6000, maxLength: 10_000, maxRows: 16);
        var log = new FakeLogger();
        using var core = new EngineCore(model, device, CoreFixture.Options(16_000, 16), TimeProvider.System, log);
        var answers = new AnswerSink();
        for (var i = 0; i < sequences; i++)
        {
            var request = CoreFixture.Request([1, 2, 3, i], length) with
            {
                Sampling = new SamplingParameters
                {
                    Temperature = 0,
                    RepetitionPenalty = repetitionPenalty,
                    FrequencyPenalty = repetitionPenalty - 1,
                    Logprobs = logprobs,
                    PromptLogprobs = logprobs,
                },
            };
            core.Add(core.Prepare(new Attempt(request, CoreFixture.Epoch(1), Journal.Begin(request).Sequences)), answers);
        }

        Step(core, Steps);
        long allocated = 0;
        while (!core.IsIdle)
        {
            allocated += AllocatedByStep(core);
        }

        Assert.Equal(Expected["EngineCore.Step, long answers"], allocated);
        Assert.Empty(log.Collector.GetSnapshot());
        Assert.Equal(sequences * length, answers.Tokens.Count);
    }

    /// <summary>The loop's own thread with all that reaches it: submissions, a fork, changes, questions and ends between its steps.</summary>
    [Fact]
    public async Task The_loops_thread_allocates_what_is_written_down()
    {
        using var device = new FakeModelDevice();
        using var model = new FakeModel(16, [0, 16], vocabulary: 32, maxLength: 200_000, maxRows: 16);
        using var engine = new InferenceEngine(model, device, CoreFixture.Options(26_000, 16) with { MaxWaitingRequests = 2 });
        using var generator = new EngineGenerator(engine, TimeProvider.System);
        var cancellation = TestContext.Current.CancellationToken;
        var least = long.MaxValue;
        for (var round = 0; round < 50 && least > 0; round++)
        {
            var before = await engine.AskAsync(_ => GC.GetAllocatedBytesForCurrentThread(), 0);
            await Converse(generator, engine, cancellation);
            least = Math.Min(least, await engine.AskAsync(_ => GC.GetAllocatedBytesForCurrentThread(), 0) - before);
        }

        Assert.Equal(Expected["StepLoop, a conversation with the engine"], least);
    }

    private static async Task Converse(EngineGenerator generator, InferenceEngine engine, CancellationToken cancellation)
    {
        var endless = CoreFixture.Request([.. Enumerable.Range(0, 20)], 190_000);
        var answers = new List<SequenceId>();
        for (var i = 0; i < 12; i++)
        {
            var result = await generator.SubmitAsync(i == 0 ? endless : CoreFixture.Request([1, 2, 3, i], 20), cancellation);
            answers.AddRange(result is SubmitResult.Accepted accepted ? accepted.Sequences : []);
        }

        // Whoever reads keeps it running.
        await using var reader = generator.ReadAsync(answers[0], 60, cancellation).GetAsyncEnumerator(cancellation);
        Assert.True(await reader.MoveNextAsync());
        Assert.IsType<SubmitResult.Accepted>(await generator.ForkAsync(answers[0], 50, 2, cancellation));
        Assert.NotNull(await generator.ChangeAsync(
            answers[0], new SequenceChange(Priority: 3, Sampling: new SamplingParameters { Temperature = 0, LogitBias = [new(3, 1f)] }), cancellation));
        Assert.NotNull(await generator.DescribeAsync(answers[0], cancellation));
        Assert.Equal(16, await engine.MatchPrefixAsync(Enumerable.Range(0, 17).ToArray(), "", cancellation));
        await generator.CancelAsync(answers[0].Request, cancellation);
    }

    private static EngineOptions BusyOptions(ICausalModel model) => new()
    {
        Model = "atlas",
        KvCacheBytes = 12 * model.Facts.Cache.Geometry.BytesPerBlock,
        MaxBatchedTokens = 32,
        MaxSequences = 5,
    };

    private static IEnumerable<Attempt> BusyAttempts()
    {
        SamplingParameters[] samplings =
        [
            new() { Temperature = 0 },
            new() { Seed = 1, Logprobs = 5 },
            new() { Seed = 2, TopP = 0.9f, TopK = 50, MinP = 0.01f },
            new() { Seed = 3, RepetitionPenalty = 1.1f, FrequencyPenalty = 0.2f, PresencePenalty = 0.1f, PromptLogprobs = 2 },
            new() { Seed = 4, LogitBias = [new(7, 2)], BadWords = [[8, 9], [10]], AllowedTokenIds = [.. Enumerable.Range(0, 200)] },
        ];
        for (var i = 0; i < 15; i++)
        {
            int[] prompt = [.. Enumerable.Range(0, 20), .. Enumerable.Range(i % 7, 10 + (3 * i))];
            var request = CoreFixture.Request(prompt, 40) with
            {
                Sampling = samplings[i % samplings.Length],
                Samples = 1 + (i % 2),
                StopTokenIds = [3],
                MinTokens = 40,
            };
            yield return new Attempt(request, CoreFixture.Epoch(1), Journal.Begin(request).Sequences);
        }
    }

    private static long Measure(IStepSink sink)
    {
        using var fixture = new CoreFixture(CoreFixture.Options(blocks: 4096) with { KvCacheBytes = 8192 * 4 * 8 }, [0, 16]);
        for (var i = 0; i < 6; i++)
        {
            var request = CoreFixture.Request([1, 2, 3, i], 2000);
            fixture.Core.Add(fixture.Core.Prepare(new Attempt(request, CoreFixture.Epoch(1), Journal.Begin(request).Sequences)), sink);
        }

        Step(fixture.Core, Steps);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Step(fixture.Core, Steps);
        return (GC.GetAllocatedBytesForCurrentThread() - before) / Steps;
    }

    /// <summary>Of a step that begins when the pool has made what was asked for.</summary>
    private static long AllocatedByStep(EngineCore core)
    {
        Assert.True(SpinWait.SpinUntil(() => core.Sequences.All(sequence => !sequence.AwaitsRoom), TimeSpan.FromMinutes(1)));
        var collections = GC.CollectionCount(0);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Step(core, 1);

        // A collection, of the pool's garbage, counts what was left of this thread's allocation buffer as allocated.
        var after = GC.GetAllocatedBytesForCurrentThread();
        return GC.CollectionCount(0) == collections ? after - before : 0;
    }

    private static void Step(EngineCore core, int count)
    {
        for (var i = 0; i < count; i++)
        {
            core.Schedule();
            core.Compute();
            core.Publish();
            core.Ended.Clear();
        }
    }

    private sealed class AnswerSink : IStepSink
    {
        public List<int> Tokens { get; } = new(100_000);

        public void OnStep(StepBatch batch)
        {
            for (var i = 0; i < batch.Entries.Count; i++)
            {
                Tokens.Add(batch.Entries[i].Token!.Value);
            }
        }
    }

    private sealed class NullSink : IStepSink
    {
        public void OnStep(StepBatch batch)
        {
        }
    }
}
