using System.Collections.Concurrent;
using OrleansLLM.Sequences;

namespace OrleansLLM.Cluster.Tests;

/// <summary>One gateway's silo and one worker's, shared by the tests of the grains.</summary>
[CollectionDefinition(nameof(SplitCluster))]
public sealed class SplitClusterTests : ICollectionFixture<SplitCluster>;

/// <summary>Grains over an engine whose steps are the test's, which serves a model of the test's own.</summary>
public abstract class GrainTest(SplitCluster cluster)
{
    private static int _devices;

    private readonly ConcurrentDictionary<object, WorkerId> _ids = [];

    protected SplitCluster Cluster { get; } = cluster;

    protected string Model { get; } = $"model-{Guid.NewGuid():N}";

    protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>Waits for what must happen, and fails where it does not.</summary>
    protected static Task InTime(Task task) => task.WaitAsync(TimeSpan.FromSeconds(30), Cancellation);

    /// <summary>Waits for what must come true, and fails where it does not.</summary>
    protected static async Task Until(Func<bool> condition)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        patience.CancelAfter(TimeSpan.FromSeconds(30));
        while (!condition())
        {
            await Task.Delay(TimeSpan.FromMilliseconds(5), patience.Token);
        }
    }

    private protected Task<ManualEngine> AttachAsync(string fingerprint = "fingerprint") => AttachAsync(out _, fingerprint);

    private protected Task<ManualEngine> AttachAsync(out WorkerId id, string fingerprint = "fingerprint")
    {
        var device = Interlocked.Increment(ref _devices);
        id = new WorkerId(Cluster.WorkerName, device);
        var engine = new ManualEngine(Model);
        engine.Served = engine.Served with { Fingerprint = fingerprint };
        return Attach();

        async Task<ManualEngine> Attach()
        {
            _ids[engine] = await Cluster.Workers.AttachAsync(device, engine, Cancellation);
            return engine;
        }
    }

    private protected WorkerId IdOf(ManualEngine engine) => _ids[engine];

    private protected GenerationRequest Request() =>
        new() { Id = RequestId.Create(), Model = Model, PromptIds = new[] { 1, 2, 3 }, MaxTokens = 10 };

    private protected async Task<SequenceId[]> SubmitAsync(int samples = 1) =>
        [.. Assert.IsType<SubmitResult.Accepted>(await Cluster.Generator.SubmitAsync(Request() with { Samples = samples }, Cancellation)).Sequences];

    /// <summary>The last token, and proof that all before it have arrived.</summary>
    private protected async Task EndAsync(ManualEngine engine, IReadOnlyList<SequenceId> ids, int position)
    {
        engine.Publish(ids, id => new StepEntry(id, engine.EpochOf(id), position, 7, null, null, 0, new SequenceEnd(FinishReason.Length)));
        foreach (var id in ids)
        {
            await ReadAsync(id);
            await engine.AbortAsync(engine.IdOf(id), Cancellation);
        }
    }

    private protected async Task<(List<int> Ids, SequenceEnd? End)> ReadAsync(SequenceId id)
    {
        List<int> ids = [];
        await foreach (var range in Cluster.Generator.ReadAsync(id, 3, Cancellation))
        {
            ids.AddRange(range.Ids.ToArray());
            if (range.End is not null)
            {
                return (ids, range.End);
            }
        }

        return (ids, null);
    }

    /// <summary>Done at the given number of signals.</summary>
    private protected sealed class Countdown(int count)
    {
        private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _left = count;

        public Task Done => _done.Task;

        public void Signal()
        {
            if (Interlocked.Decrement(ref _left) == 0)
            {
                _done.SetResult();
            }
        }
    }
}
