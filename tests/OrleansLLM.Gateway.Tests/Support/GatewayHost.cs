using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OrleansLLM.Text;

namespace OrleansLLM.Gateway.Tests.Support;

/// <summary>A gateway on a port of loopback, over a generator from scripts.</summary>
internal sealed class GatewayHost : IAsyncDisposable
{
    public const string Model = "fake";
    public const string Alias = "also-fake";
    public const int MaxLength = 200;

    private readonly WebApplication _app;

    private GatewayHost(WebApplication app, FakeGenerator generator, FakeModels models, LineLogger log)
    {
        _app = app;
        Generator = generator;
        Models = models;
        Log = log;
        Address = new Uri(app.Urls.First());

        // A client that leaves is gone at once: by default it would read on for 2 s.
        var handler = new SocketsHttpHandler { ResponseDrainTimeout = TimeSpan.Zero };
        Client = new HttpClient(handler) { BaseAddress = Address, Timeout = TimeSpan.FromSeconds(60) };
    }

    public FakeGenerator Generator { get; }

    public FakeModels Models { get; }

    public GatewayServer Server => _app.Services.GetRequiredService<GatewayServer>();

    public LineLogger Log { get; }

    public Uri Address { get; }

    public HttpClient Client { get; }

    public static async Task<GatewayHost> StartAsync(
        GatewayOptions? options = null, string name = Model, SamplingParameters? defaults = null, TextTokenizer? tokenizer = null,
        IChatTemplate? template = null, LogLevel leastLogged = LogLevel.Information, TimeProvider? time = null, IGenerator? generator = null,
        Action<WebApplication>? before = null, IFleet? fleet = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var log = new LineLogger(leastLogged);
        builder.Logging.ClearProviders().AddProvider(log).SetMinimumLevel(leastLogged);
        var fake = new FakeGenerator();
        var models = new FakeModels(name, defaults ?? new SamplingParameters(), tokenizer ?? new FakeTokenizer(), template);
        builder.Services.AddSingleton(generator ?? fake).AddSingleton<IServedModels>(models);
        builder.Services.AddSingleton(time ?? TimeProvider.System);
        if (fleet is not null)
        {
            builder.Services.AddSingleton(fleet);
        }

        builder.Services.AddOrleansLLMGateway(options ?? new GatewayOptions());
        var app = builder.Build();
        before?.Invoke(app);
        app.MapOrleansLLMGateway();
        await app.StartAsync(TestContext.Current.CancellationToken);
        return new GatewayHost(app, fake, models, log);
    }

    public async Task<Answer> PostAsync(string path, string json, params (string Name, string Value)[] headers)
    {
        using var content = new StringContent(json, Encoding.UTF8, new MediaTypeHeaderValue("application/json"));
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = content };
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        return await SendAsync(request);
    }

    public Task<Answer> GetAsync(string path, params (string Name, string Value)[] headers) => SendAsync(HttpMethod.Get, path, headers);

    public async Task<Answer> SendAsync(HttpMethod method, string path, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, path);
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        return await SendAsync(request);
    }

    public async Task<Answer> SendAsync(HttpRequestMessage request)
    {
        using var response = await Client.SendAsync(request, TestContext.Current.CancellationToken);
        var body = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        var headers = response.Headers.Concat(response.Content.Headers)
            .ToDictionary(header => header.Key, header => string.Join(",", header.Value), StringComparer.OrdinalIgnoreCase);
        return new Answer((int)response.StatusCode, body, headers);
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _app.DisposeAsync();
    }
}

internal sealed record Answer(int Status, string Body, IReadOnlyDictionary<string, string> Headers)
{
    public JsonNode Json => JsonNode.Parse(Body)!;

    public JsonNode? Error(string member) => Json["error"]![member];

    /// <summary>The payloads of a stream, [DONE] included, without comments.</summary>
    public IReadOnlyList<string> Events =>
        [.. SseEvent.ParseAll(Body).Select(item => item.Data)];

    public IReadOnlyList<JsonNode> Chunks => [.. Events.Where(data => data != "[DONE]").Select(data => JsonNode.Parse(data)!)];

    public JsonNode Choice(int index = 0) => Json["choices"]![index]!;
}

/// <param name="Id">Null where it has none.</param>
/// <param name="Text">All of it, up to the blank line.</param>
internal sealed record SseEvent(string? Id, string Data, string Text)
{
    /// <summary>The whole events of a stream that may be cut off anywhere, without comments.</summary>
    public static IReadOnlyList<SseEvent> ParseAll(string body)
    {
        var parts = body.Split("\n\n");
        return [.. parts[..^1].Where(part => !part.StartsWith(':')).Select(Parse)];
    }

    private static SseEvent Parse(string text)
    {
        var lines = text.Split('\n');
        Assert.True(lines is [['d', ..]] or [['i', 'd', ':', ' ', ..], ['d', ..]], text);
        Assert.StartsWith("data: ", lines[^1], StringComparison.Ordinal);
        return new SseEvent(lines.Length == 2 ? lines[0]["id: ".Length..] : null, lines[^1]["data: ".Length..], text);
    }
}

internal sealed class FakeModels(string name, SamplingParameters defaults, TextTokenizer tokenizer, IChatTemplate? template) : IServedModels
{
    public FakeTemplate Template { get; } = new();

    public IReadOnlyList<ServedModel> Models => Phase == ServingPhase.Loading
        ? []
        : [new ServedModel(name, [GatewayHost.Alias], GatewayHost.MaxLength, tokenizer, HasTemplate ? template ?? Template : null, [FakeTokenizer.Eos], defaults, DateTimeOffset.UnixEpoch) { MaxNewTokens = MaxNewTokens }];

    public int? MaxNewTokens { get; set; }

    public bool HasTemplate { get; set; } = true;

    public ServingPhase Phase { get; set; } = ServingPhase.Ready;

    public string? Failure { get; set; }
}

/// <summary>Keeps log lines.</summary>
internal sealed class LineLogger(LogLevel least) : ILoggerProvider, ILogger
{
    private readonly Lock _lock = new();
    private readonly List<string> _lines = [];

    public IReadOnlyList<string> Lines
    {
        get
        {
            lock (_lock)
            {
                return [.. _lines];
            }
        }
    }

    public ILogger CreateLogger(string categoryName) => this;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        lock (_lock)
        {
            _lines.Add($"{logLevel}: {formatter(state, exception)} {exception}");
        }
    }

    public bool IsEnabled(LogLevel logLevel) => logLevel >= least;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public void Dispose()
    {
    }
}
