using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace OrleansLLM.Cli.Client;

/// <summary>Talks to any OpenAI server: streams answers, asks for models, tokenizes where the server can.</summary>
internal sealed class ServerClient : IDisposable
{
    private readonly HttpClient _http;

    /// <param name="baseAddress">Without <c>/v1</c>, with a slash at its end.</param>
    public ServerClient(Uri baseAddress, string? apiKey)
    {
        _http = new HttpClient(new SocketsHttpHandler { PooledConnectionLifetime = Timeout.InfiniteTimeSpan })
        {
            BaseAddress = baseAddress,
            Timeout = Timeout.InfiniteTimeSpan,
        };
        if (!string.IsNullOrEmpty(apiKey))
        {
            _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", apiKey);
        }
    }

    public Uri BaseAddress => _http.BaseAddress!;

    public void Dispose() => _http.Dispose();

    /// <summary>The first model that the server lists.</summary>
    /// <exception cref="HttpRequestException">The server does not answer, refuses, or lists none.</exception>
    public async Task<string> GetModelAsync(CancellationToken cancellation)
    {
        using var response = await _http.GetAsync("v1/models", cancellation).ConfigureAwait(false);
        await ThrowIfRefusedAsync(response, cancellation).ConfigureAwait(false);
        var answer = await ReadAsync(response, cancellation).ConfigureAwait(false);
        return answer?["data"] is JsonArray { Count: > 0 } cards && cards[0] is JsonObject card && card["id"] is JsonValue id
            && id.TryGetValue<string>(out var name)
            ? name
            : throw new HttpRequestException("The server lists no model: wait until it has loaded one, or name one with --model.");
    }

    /// <summary>The ids of a text, or null where the server has no <c>/tokenize</c>.</summary>
    public async Task<int[]?> TokenizeAsync(string model, string text, CancellationToken cancellation)
    {
        var body = new JsonObject { ["model"] = model, ["prompt"] = text, ["add_special_tokens"] = false };
        using var response = await _http.PostAsJsonAsync("tokenize", body, cancellation).ConfigureAwait(false);
        var answer = response.IsSuccessStatusCode ? await ReadAsync(response, cancellation).ConfigureAwait(false) : null;
        return answer?["tokens"] is JsonArray tokens ? [.. tokens.OfType<JsonValue>().Where(token => token.TryGetValue<int>(out _)).Select(token => token.GetValue<int>())] : null;
    }

    /// <summary>Sends a request with <c>stream</c> and <c>include_usage</c> set and yields its events as they arrive.</summary>
    /// <exception cref="HttpRequestException">The server refused, broke off, or sent an error event; the message is the server's own.</exception>
    public async IAsyncEnumerable<AnswerEvent> StreamAsync(
        string endpoint, JsonObject body, [EnumeratorCancellation] CancellationToken cancellation)
    {
        body["stream"] = true;
        body["stream_options"] = new JsonObject { ["include_usage"] = true };
        using var request = new HttpRequestMessage(HttpMethod.Post, endpoint) { Content = JsonContent.Create(body) };
        using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation).ConfigureAwait(false);
        await ThrowIfRefusedAsync(response, cancellation).ConfigureAwait(false);
        var stream = await response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
        await using (stream.ConfigureAwait(false))
        {
            await foreach (var item in SseParser.Create(stream).EnumerateAsync(cancellation).ConfigureAwait(false))
            {
                if (item.Data != "[DONE]")
                {
                    yield return AnswerEvent.Parse(item.Data);
                }
            }
        }
    }

    private static async Task ThrowIfRefusedAsync(HttpResponseMessage response, CancellationToken cancellation)
    {
        if (!response.IsSuccessStatusCode)
        {
            var text = await response.Content.ReadAsStringAsync(cancellation).ConfigureAwait(false);
            throw new HttpRequestException(FormattableString.Invariant($"{(int)response.StatusCode}: {MessageOf(text)}"), null, response.StatusCode);
        }
    }

    /// <summary>Null where the body is no JSON object.</summary>
    private static async Task<JsonObject?> ReadAsync(HttpResponseMessage response, CancellationToken cancellation) =>
        Parse(await response.Content.ReadAsStringAsync(cancellation).ConfigureAwait(false));

    /// <summary>The sentence inside OpenAI's error shape, or the beginning of another server's text.</summary>
    private static string MessageOf(string body) =>
        Parse(body)?["error"] is JsonObject error && error["message"] is JsonValue message && message.TryGetValue<string>(out var text)
            ? text
            : body[..Math.Min(body.Length, 300)];

    private static JsonObject? Parse(string body)
    {
        try
        {
            return JsonNode.Parse(body) as JsonObject;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
