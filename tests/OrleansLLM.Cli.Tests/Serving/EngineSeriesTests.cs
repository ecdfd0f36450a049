using Microsoft.Extensions.DependencyInjection;
using OrleansLLM.Cli.Arguments;
using OrleansLLM.Cli.Serving;
using OrleansLLM.Engine;
using OrleansLLM.Gateway;
using OrleansLLM.Hosting;
using OrleansLLM.Testing;

namespace OrleansLLM.Cli.Tests.Serving;

/// <summary>Engines of one model in one process, as a scrape sees them.</summary>
[Collection("Meters")]
public sealed class EngineSeriesTests : IDisposable
{
    private const string Model = "twins";

    private readonly FakeModelDevice _device = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Two_engines_of_a_model_have_series_of_their_own_whatever_becomes_of_the_other()
    {
        var options = new ServerOptions("127.0.0.1", 0, new GatewayOptions(), TimeSpan.Zero, LogFormat.Text);
        await using var model = new ModelHost(_ => Task.FromException<LoadedModel>(new ModelLoadException("none")));
        await using var app = ServeHost.Build(options, model, builder => builder.Services.AddSingleton(model).AddSingleton<IGenerator, ModelGenerator>());
        await app.StartAsync(Cancellation);
        using var http = new HttpClient { BaseAddress = new Uri(app.Urls.Single()) };
        var first = Create();
        using var second = Create();
        await RunAsync(second);
        Assert.Equal(["0 0", "1 3"], await QueriesAsync(http));
        await RunAsync(first);
        Assert.Equal(["0 3", "1 3"], await QueriesAsync(http));

        first.Dispose();
        await RunAsync(second);
        Assert.Contains("1 6", await QueriesAsync(http));
        using var third = Create();
        Assert.Equal(["0 0", "1 6"], await QueriesAsync(http));
        await RunAsync(third);
        Assert.Equal(["0 3", "1 6"], await QueriesAsync(http));
    }

    public void Dispose() => _device.Dispose();

    private static async Task<string[]> QueriesAsync(HttpClient http)
    {
        var metrics = await http.GetStringAsync("metrics", Cancellation);
        return
        [
            .. metrics.Split('\n')
                .Where(line => line.StartsWith("vllm:prefix_cache_queries_total{", StringComparison.Ordinal) && line.Contains($"\"{Model}\"", StringComparison.Ordinal))
                .Select(line => $"{line.Split("engine=\"")[1].Split('"')[0]} {line.Split("} ")[1].Split(' ')[0]}").Order(),
        ];
    }

    private static async Task RunAsync(InferenceEngine engine)
    {
        using var generator = new EngineGenerator(engine, TimeProvider.System);
        var request = new GenerationRequest { Id = RequestId.Create(), Model = Model, PromptIds = new[] { 1, 2, 3 }, MaxTokens = 1 };
        var accepted = Assert.IsType<SubmitResult.Accepted>(await generator.SubmitAsync(request, Cancellation));
        await foreach (var range in generator.ReadAsync(accepted.Sequences[0], 3, Cancellation))
        {
            _ = range;
        }
    }

    private InferenceEngine Create() => new(
        new FakeModel(4, [0], 32, 4096, 16), _device, new EngineOptions { Model = Model, BlockSize = 4, KvCacheBytes = 1 << 12, MaxBatchedTokens = 16, MaxSequences = 4 });
}
