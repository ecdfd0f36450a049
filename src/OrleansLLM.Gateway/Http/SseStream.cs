using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using OrleansLLM.Gateway.OpenAI;

namespace OrleansLLM.Gateway.Http;

/// <summary>
/// Server-sent events on a response's pipe. Headers go out when it is opened, so what fails behind that is an event; events stand whole in
/// the pipe, and nothing is sent before a flush. One writer at a time.
/// </summary>
internal sealed class SseStream(HttpResponse response) : IDisposable
{
    private const string MediaType = "text/event-stream";

    private readonly PipeWriter _pipe = response.BodyWriter;
    private readonly Utf8JsonWriter _json = new(response.BodyWriter, Responses.Writing);

    public static bool IsOpen(HttpResponse response) =>
        response.ContentType?.StartsWith(MediaType, StringComparison.Ordinal) == true;

    /// <summary>An error event, behind which nothing follows.</summary>
    public static async ValueTask WriteLastAsync(HttpResponse response, ErrorResponse error)
    {
        using var stream = new SseStream(response);
        stream.Write(error, WireJson.Default.ErrorResponse);
        await stream.FlushAsync(response.HttpContext.RequestAborted);
    }

    /// <summary>Sends the headers.</summary>
    public ValueTask OpenAsync(CancellationToken cancellation)
    {
        response.StatusCode = StatusCodes.Status200OK;
        response.ContentType = $"{MediaType}; charset=utf-8";
        response.Headers.CacheControl = "no-cache";
        response.Headers["X-Accel-Buffering"] = "no";
        return FlushAsync(cancellation);
    }

    public void Write<T>(T value, JsonTypeInfo<T> type)
    {
        _pipe.Write("data: "u8);
        _json.Reset(_pipe);
        JsonSerializer.Serialize(_json, value, type);
        _json.Flush();
        _pipe.Write("\n\n"u8);
    }

    /// <summary>The event that tells OpenAI's clients that all is said.</summary>
    public void WriteDone() => _pipe.Write("data: [DONE]\n\n"u8);

    /// <summary>What clients skip.</summary>
    public void WriteComment() => _pipe.Write(": still here\n\n"u8);

    public async ValueTask FlushAsync(CancellationToken cancellation) => await _pipe.FlushAsync(cancellation);

    public void Dispose() => _json.Dispose();
}
