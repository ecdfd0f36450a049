using OrleansLLM.Testing;

namespace OrleansLLM.Engine.Tests;

/// <summary>The behaviour of every generator, over the engine alone; at the end of each test every block is free or cached.</summary>
public sealed class EngineGeneratorTests : GeneratorBehaviour
{
    private readonly FakeModelDevice _device = new();
    private readonly FakeModel _model = CreateModel();
    private InferenceEngine? _engine;
    private EngineGenerator? _generator;

    protected override ValueTask<IGenerator> StartAsync(EngineOptions options)
    {
        _engine = new InferenceEngine(_model, _device, options, Time);
        _generator = new EngineGenerator(_engine, Time);
        return new(_generator);
    }

    public override async ValueTask DisposeAsync()
    {
        if (_engine is not null)
        {
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
            await _engine.DrainAsync(patience.Token);
            Assert.Null(await _engine.FindLeakAsync(patience.Token));
            _generator!.Dispose();
            _engine.Dispose();
        }

        _device.Dispose();
        GC.SuppressFinalize(this);
    }
}
