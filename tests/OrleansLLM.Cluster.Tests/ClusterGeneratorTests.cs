using OrleansLLM.Engine;
using OrleansLLM.Testing;

namespace OrleansLLM.Cluster.Tests;

/// <summary>The behaviour of every generator, over one silo that is gateway and worker.</summary>
public sealed class ClusterOfOneGeneratorTests(SoloCluster cluster) : ClusterGeneratorBehaviour(cluster), IClassFixture<SoloCluster>;

/// <summary>The behaviour of every generator, over a gateway's silo and a worker's.</summary>
public sealed class SplitClusterGeneratorTests(SplitCluster cluster) : ClusterGeneratorBehaviour(cluster), IClassFixture<SplitCluster>;

/// <summary>The behaviour of every generator, over two gateways' silos and two workers', of which one each is killed on the way.</summary>
public sealed class DoubleClusterGeneratorTests(DoubleCluster cluster) : ClusterGeneratorBehaviour(cluster), IClassFixture<DoubleCluster>;

/// <summary>The behaviour of every generator, over two silos that are gateways and workers, asked at one of them.</summary>
public sealed class TwinClusterGeneratorTests(TwinCluster cluster) : ClusterGeneratorBehaviour(cluster), IClassFixture<TwinCluster>;

/// <summary>Attaches engines for each test; at its end every block of those that live is free or cached.</summary>
public abstract class ClusterGeneratorBehaviour(ITestCluster cluster) : GeneratorBehaviour
{
    private static int _devices = 1000;

    private readonly List<AttachedEngine> _engines = [];

    protected override async ValueTask<IGenerator> StartAsync(EngineOptions options)
    {
        cluster.Clock.Current = Time;

        // Whose queue is to be full is the only one.
        foreach (var workers in options.MaxWaitingRequests == 1 ? cluster.Living.Take(1) : cluster.Living)
        {
            var model = CreateModel();
            model.BeforeForward = cluster.BeforeForward;
            var device = new FakeModelDevice();
            var engine = new InferenceEngine(model, device, options, Time);
            _engines.Add(new AttachedEngine(workers, await workers.AttachAsync(Interlocked.Increment(ref _devices), engine, Cancellation), engine, device));
        }

        return cluster.Generator;
    }

    public override async ValueTask DisposeAsync()
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        foreach (var (workers, worker, engine, _) in _engines.Where(attached => cluster.Living.Contains(attached.Workers)))
        {
            await engine.DrainAsync(patience.Token);
            Assert.Null(await engine.FindLeakAsync(patience.Token));
            await workers.DetachAsync(worker);
        }

        foreach (var (_, _, engine, device) in _engines)
        {
            engine.Dispose();
            device.Dispose();
        }

        GC.SuppressFinalize(this);
    }

    private sealed record AttachedEngine(LocalWorkers Workers, WorkerId Worker, InferenceEngine Engine, FakeModelDevice Device);
}
