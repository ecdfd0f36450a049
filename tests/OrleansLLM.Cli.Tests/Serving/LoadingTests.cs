using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using OrleansLLM.Cli.Arguments;
using OrleansLLM.Cli.Serving;
using OrleansLLM.Gateway;
using OrleansLLM.Hosting;
using OrleansLLM.Testing;

namespace OrleansLLM.Cli.Tests.Serving;

/// <summary>The server in this process, with a model that comes when the test says so.</summary>
[Collection("Meters")]
public sealed class LoadingTests
{
    private static readonly ServerOptions Options = new("127.0.0.1", 0, new GatewayOptions(), TimeSpan.Zero, LogFormat.Text);

    private static readonly ModelOptions Atlas = new() { Path = ReferenceData.Atlas, KvCacheBytes = 1 << 20 };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task While_a_model_loads_clients_are_told_to_come_back_and_then_they_are_served()
    {
        var gate = new TaskCompletionSource();
        await using var model = new ModelHost(async ending =>
        {
            await gate.Task.WaitAsync(ending);
            return await ModelLoader.LoadAsync(Atlas, null, ending);
        });
        await using var app = await StartAsync(model);
        using var http = Client(app);

        var health = await http.GetAsync("health", Cancellation);
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "1"), (health.StatusCode, health.Headers.RetryAfter?.ToString()));
        Assert.Contains("\"The model is still loading.\"", await health.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await AskAsync(http)).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync("metrics", Cancellation)).StatusCode);

        gate.SetResult();
        await model.Loaded;
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync("health", Cancellation)).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await AskAsync(http)).StatusCode);
    }

    [Fact]
    public async Task A_model_that_could_not_be_loaded_is_never_healthy()
    {
        await using var model = new ModelHost(_ => Task.FromException<LoadedModel>(new ModelLoadException("broken")));
        await using var app = await StartAsync(model);
        using var http = Client(app);
        await Assert.ThrowsAsync<ModelLoadException>(() => model.Loaded);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await http.GetAsync("health", Cancellation)).StatusCode);
    }

    private static async Task<WebApplication> StartAsync(ModelHost model)
    {
        var app = ServeHost.Build(Options, model, builder => builder.Services.AddSingleton(model).AddSingleton<IGenerator, ModelGenerator>());
        await app.StartAsync(Cancellation);
        return app;
    }

    private static HttpClient Client(WebApplication app) => new() { BaseAddress = new Uri(app.Urls.Single()) };

    private static Task<HttpResponseMessage> AskAsync(HttpClient http) =>
        http.PostAsJsonAsync("v1/completions", new JsonObject { ["prompt"] = "The", ["max_tokens"] = 2 }, Cancellation);
}
