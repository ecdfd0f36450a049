using System.Diagnostics;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.ServerSentEvents;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace OrleansLLM.Cli.Bench;

/// <summary>Talks to any OpenAI server: measures streamed answers, asks for models, tokenizes where the server can.</summary>
internal sealed class OpenAIStreamClient : IDisposable
{
    private readonly HttpClient _http;

    /// <param name="baseAddress">Without <c>/v1</c>.</param>
    public OpenAIStreamClient(Uri baseAddress, string? apiKey)
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

    public void Dispose() => _http.Dispose();

    /// <summary>The first model that the server lists.</summary>
    public async Task<string> GetModelAsync(CancellationToken cancellation)
    {
        var answer = await _http.GetFromJsonAsync<JsonObject>("v1/models", cancellation).ConfigureAwait(false);
        return answer?["data"]?[0]?["id"]?.GetValue<string>()
            ?? throw new HttpRequestException("The server lists no model: name one with --model.");
    }

    /// <summary>The ids of a text, or null where the server has no <c>/tokenize</c>.</summary>
    public async Task<int[]?> TokenizeAsync(string model, string text, CancellationToken cancellation)
    {
        var body = new JsonObject { ["model"] = model, ["prompt"] = text, ["add_special_tokens"] = false };
        using var response = await _http.PostAsJsonAsync("tokenize", body, cancellation).ConfigureAwait(false);
        if (!response.IsSuccessStatusCode)
        {
            return null;
        }

        var answer = await response.Content.ReadFromJsonAsync<JsonObject>(cancellation).ConfigureAwait(false);
        return answer?["tokens"]?.AsArray().Select(token => token!.GetValue<int>()).ToArray();
    }

    /// <summary>Sends one streaming request and notes when each piece arrives. A failure is a record with an error, never an exception.</summary>
    public async Task<RequestRecord> MeasureAsync(string endpoint, JsonObject body, Stopwatch clock, CancellationToken cancellation)
    {
        var sent = clock.Elapsed.TotalSeconds;
        var answer = new StreamedAnswer(clock);
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, endpoint) { Content = JsonContent.Create(body) };
            using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation).ConfigureAwait(false);
            if (!response.IsSuccessStatusCode)
            {
                var text = await response.Content.ReadAsStringAsync(cancellation).ConfigureAwait(false);
                return new RequestRecord { Sent = sent, Ended = clock.Elapsed.TotalSeconds, Error = $"{(int)response.StatusCode}: {text}" };
            }

            var stream = await response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
            await using (stream.ConfigureAwait(false))
            {
                await foreach (var item in SseParser.Create(stream).EnumerateAsync(cancellation).ConfigureAwait(false))
                {
                    answer.Add(item.Data);
                }
            }

            return answer.ToRecord(sent);
        }
        catch (Exception error) when (error is HttpRequestException or IOException or JsonException)
        {
            return new RequestRecord { Sent = sent, Ended = clock.Elapsed.TotalSeconds, Error = error.Message };
        }
    }

    /// <summary>Collects the events of one answer.</summary>
    private sealed class StreamedAnswer(Stopwatch clock)
    {
        private readonly List<double> _arrivals = [];
        private readonly StringBuilder _text = new();
        private string _error = "";
        private int? _inputTokens;
        private int? _outputTokens;

        public void Add(string data)
        {
            if (data == "[DONE]")
            {
                return;
            }

            var now = clock.Elapsed.TotalSeconds;
            using var document = JsonDocument.Parse(data);
            var root = document.RootElement;
            if (root.TryGetProperty("error", out var error))
            {
                _error = error.ToString();
            }

            if (root.TryGetProperty("usage", out var usage) && usage.ValueKind == JsonValueKind.Object)
            {
                _inputTokens = usage.GetProperty("prompt_tokens").GetInt32();
                _outputTokens = usage.GetProperty("completion_tokens").GetInt32();
            }

            if (root.TryGetProperty("choices", out var choices) && choices.GetArrayLength() > 0 && TextOf(choices[0]) is { } text)
            {
                _arrivals.Add(now);
                _text.Append(text);
            }
        }

        public RequestRecord ToRecord(double sent) => new()
        {
            Sent = sent,
            Ended = _arrivals.Count > 0 ? _arrivals[^1] : clock.Elapsed.TotalSeconds,
            Arrivals = _arrivals,
            InputTokens = _inputTokens ?? 0,
            OutputTokens = _outputTokens ?? _arrivals.Count,
            Text = _text.ToString(),
            Error = _error.Length > 0 || _arrivals.Count > 0 ? _error : "the stream ended without a token",
        };

        /// <summary>Null where the event carries no token: a chat's role, an end without text.</summary>
        private static string? TextOf(JsonElement choice)
        {
            if (choice.TryGetProperty("text", out var text))
            {
                return text.GetString();
            }

            return choice.TryGetProperty("delta", out var delta)
                && delta.TryGetProperty("content", out var content)
                && content.GetString() is { } piece
                && !(delta.TryGetProperty("role", out _) && piece.Length == 0)
                ? piece
                : null;
        }
    }
}
