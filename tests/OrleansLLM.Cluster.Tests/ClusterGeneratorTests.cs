using OrleansLLM.Engine;
using OrleansLLM.Testing;

namespace OrleansLLM.Cluster.Tests;

/// <summary>The behaviour of every generator, over one silo that is gateway and worker.</summary>
public sealed class ClusterOfOneGeneratorTests(SoloCluster cluster) : ClusterGeneratorBehaviour(cluster), IClassFixture<SoloCluster>;

/// <summary>The behaviour of every generator, over a gateway's silo and a worker's.</summary>
public sealed class SplitClusterGeneratorTests(SplitCluster cluster) : ClusterGeneratorBehaviour(cluster), IClassFixture<SplitCluster>;

/// <summary>Attaches an engine for each test; at the end of each every block is free or cached.</summary>
public abstract class ClusterGeneratorBehaviour(ITestCluster cluster) : GeneratorBehaviour
{
    private static int _devices = 1000;

    private readonly FakeModelDevice _device = new();
    private readonly FakeModel _model = CreateModel();
    private InferenceEngine? _engine;
    private WorkerId _worker;

    protected override async ValueTask<IGenerator> StartAsync(EngineOptions options)
    {
        cluster.Clock.Current = Time;
        _engine = new InferenceEngine(_model, _device, options, Time);
        _worker = await cluster.Workers.AttachAsync(Interlocked.Increment(ref _devices), _engine, Cancellation);
        return cluster.Generator;
    }

    public override async ValueTask DisposeAsync()
    {
        if (_engine is not null)
        {
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
            await _engine.DrainAsync(patience.Token);
            Assert.Null(await _engine.FindLeakAsync(patience.Token));
            await cluster.Workers.DetachAsync(_worker);
            _engine.Dispose();
        }

        _device.Dispose();
        GC.SuppressFinalize(this);
    }
}
