using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace OrleansLLM.Cli.Tests;

/// <summary>An OpenAI server that answers every request with the words of its own number, and every tenth-word prompt as it is told.</summary>
internal sealed class FakeOpenAIServer : IAsyncDisposable
{
    private readonly WebApplication _app;

    private FakeOpenAIServer(WebApplication app) => _app = app;

    public string Url => _app.Urls.Single();

    /// <summary>Bodies in the order of arrival.</summary>
    public ConcurrentQueue<JsonObject> Requests { get; } = new();

    /// <summary>Answers from this request on with 503; counted from 1.</summary>
    public int FailFrom { get; init; } = int.MaxValue;

    /// <summary>Sent in place of each piece of an answer; null = a chunk in OpenAI's shape.</summary>
    public string? Piece { get; init; }

    /// <summary>Completes when a message that is "wait" has the first piece of its answer, which is all that it gets.</summary>
    public TaskCompletionSource Waits { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <param name="models">What it says to a question for its models.</param>
    public static async Task<FakeOpenAIServer> StartAsync(
        int failFrom = int.MaxValue, string models = """{"data":[{"id":"fake"}]}""", string? piece = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        var app = builder.Build();
        app.Urls.Add("http://127.0.0.1:0");
        var server = new FakeOpenAIServer(app) { FailFrom = failFrom, Piece = piece };
        app.MapGet("/v1/models", () => Results.Text(models));
        app.MapPost("/v1/completions", (HttpContext context) => server.AnswerAsync(context, text => new { index = 0, text }));
        app.MapPost("/v1/chat/completions", (HttpContext context) => server.AnswerAsync(context, text => new { index = 0, delta = new { content = text } }));
        await app.StartAsync(TestContext.Current.CancellationToken);
        return server;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task AnswerAsync(HttpContext context, Func<string, object> choice)
    {
        var body = await JsonSerializer.DeserializeAsync<JsonObject>(context.Request.Body);
        Requests.Enqueue(body!);
        if (Requests.Count >= FailFrom)
        {
            context.Response.StatusCode = 503;
            await context.Response.WriteAsJsonAsync(new { error = new { message = "too busy for this" } });
            return;
        }

        var count = body!["max_tokens"]?.GetValue<int>() ?? 3;
        context.Response.ContentType = "text/event-stream";
        for (var i = 0; i < count; i++)
        {
            await SendAsync(Piece ?? JsonSerializer.Serialize(new { choices = new[] { choice($"w{i} ") } }));
            if (body["messages"] is JsonArray messages && (string?)messages[^1]!["content"] == "wait")
            {
                Waits.TrySetResult();
                await Task.Delay(Timeout.Infinite, context.RequestAborted);
            }
        }

        await SendAsync(JsonSerializer.Serialize(new { choices = Array.Empty<object>(), usage = new { prompt_tokens = 7, completion_tokens = count } }));
        await SendAsync("[DONE]");

        async Task SendAsync(string data)
        {
            await context.Response.WriteAsync($"data: {data}\n\n");
            await context.Response.Body.FlushAsync();
        }
    }
}
