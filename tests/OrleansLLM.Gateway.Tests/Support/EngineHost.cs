using OrleansLLM.Engine;
using OrleansLLM.Testing;

namespace OrleansLLM.Gateway.Tests.Support;

/// <summary>A gateway over an engine with a model whose tokens are those of <see cref="FakeTokenizer"/>; at the end every block is free or cached.</summary>
internal sealed class EngineHost : IAsyncDisposable
{
    private readonly FakeModelDevice _device = new();
    private readonly InferenceEngine _engine;
    private readonly EngineGenerator _generator;

    private EngineHost(string name, TimeProvider? time)
    {
        Model = new FakeModel(blockSize: 4, windows: [0], vocabulary: new FakeTokenizer().VocabularySize, maxLength: GatewayHost.MaxLength, maxRows: 64);
        var options = new EngineOptions
        {
            Model = name, BlockSize = 4, KvCacheBytes = 1024 * 4 * 8, MaxBatchedTokens = 64, MaxSequences = 8,
        };
        _engine = new InferenceEngine(Model, _device, options, time ?? TimeProvider.System);
        _generator = new EngineGenerator(_engine, time ?? TimeProvider.System);
    }

    public FakeModel Model { get; }

    public EngineLoad Load => _engine.Load;

    public IGenerator Generator => _generator;

    public GatewayHost Host { get; private set; } = null!;

    public static async Task<EngineHost> StartAsync(GatewayOptions? options = null, TimeProvider? time = null, string name = GatewayHost.Model)
    {
        var engine = new EngineHost(name, time);
        engine.Host = await GatewayHost.StartAsync(options, name, time: time, generator: engine._generator);
        return engine;
    }

    public async ValueTask DisposeAsync()
    {
        Model.BeforeForward = null;
        await Host.DisposeAsync();
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        await _engine.DrainAsync(patience.Token);
        Assert.Null(await _engine.FindLeakAsync(patience.Token));
        _generator.Dispose();
        _engine.Dispose();
        _device.Dispose();
    }
}

/// <summary>Holds an engine before each step until it is let go on; once disposed it holds it no more.</summary>
internal sealed class StepGate : IDisposable
{
    private readonly SemaphoreSlim _steps = new(0);
    private readonly FakeModel _model;
    private volatile bool _isOpen;

    public StepGate(FakeModel model)
    {
        _model = model;
        model.BeforeForward = _ =>
        {
            if (!_isOpen)
            {
                _steps.Wait();
            }
        };
    }

    public void Step()
    {
        if (_steps.CurrentCount == 0)
        {
            _steps.Release();
        }
    }

    /// <summary>Lets a step begin whenever what is needed does not come by itself, so that the engine is hardly ahead of it.</summary>
    public async Task<T> StepUntilAsync<T>(Task<T> needed)
    {
        while (!needed.IsCompleted)
        {
            Step();
            await Task.WhenAny(needed, Task.Delay(20, TestContext.Current.CancellationToken));
        }

        return await needed;
    }

    /// <summary>Lets steps begin until it holds.</summary>
    public async Task StepUntilAsync(Func<bool> holds)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (!holds())
        {
            Step();
            await Task.Delay(1, patience.Token);
        }
    }

    public void Dispose()
    {
        _isOpen = true;
        _model.BeforeForward = null;
        _steps.Release();
    }
}
