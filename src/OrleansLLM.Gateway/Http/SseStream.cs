using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using OrleansLLM.Gateway.Answers;
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

    /// <summary>Bytes of events, about, that stand in the pipe until the next flush.</summary>
    public long Unflushed { get; private set; }

    public static bool IsOpen(HttpResponse response) =>
        response.ContentType?.StartsWith(MediaType, StringComparison.Ordinal) == true;

    /// <summary>An error event, behind which nothing follows. It has no id, so that a client which goes on gets it again.</summary>
    public static async ValueTask WriteLastAsync(HttpResponse response, ErrorResponse error)
    {
        using var stream = new SseStream(response);
        stream.Write(error, WireJson.Default.ErrorResponse);
        await stream.FlushAsync(response.HttpContext.RequestAborted);
    }

    /// <summary>Says what the response is, and that its reader may be as slow as it likes: Kestrel would cut off one below 240 bytes a second.</summary>
    public static void WriteHead(HttpResponse response)
    {
        response.StatusCode = StatusCodes.Status200OK;
        response.ContentType = $"{MediaType}; charset=utf-8";
        response.Headers.CacheControl = "no-cache";
        response.Headers["X-Accel-Buffering"] = "no";
        if (response.HttpContext.Features.Get<IHttpMinResponseDataRateFeature>() is { } rate)
        {
            rate.MinDataRate = null;
        }
    }

    /// <summary>Sends the headers.</summary>
    public ValueTask OpenAsync(CancellationToken cancellation)
    {
        WriteHead(response);
        return FlushAsync(cancellation);
    }

    /// <summary>An event that a client can go on behind.</summary>
    public void Write<T>(StreamCursor id, T value, JsonTypeInfo<T> type)
    {
        WriteId(id);
        Write(value, type);
    }

    /// <summary>The event that tells OpenAI's clients that all is said.</summary>
    public void WriteDone(StreamCursor id)
    {
        WriteId(id);
        _pipe.Write("data: [DONE]\n\n"u8);
    }

    /// <summary>What clients skip.</summary>
    public void WriteComment() => _pipe.Write(": still here\n\n"u8);

    public async ValueTask FlushAsync(CancellationToken cancellation)
    {
        Unflushed = 0;
        await _pipe.FlushAsync(cancellation);
    }

    public void Dispose() => _json.Dispose();

    private void WriteId(StreamCursor id)
    {
        _pipe.Write("id: "u8);
        Unflushed += id.WriteTo(_pipe);
        _pipe.Write("\n"u8);
    }

    private void Write<T>(T value, JsonTypeInfo<T> type)
    {
        _pipe.Write("data: "u8);
        _json.Reset(_pipe);
        JsonSerializer.Serialize(_json, value, type);
        _json.Flush();
        _pipe.Write("\n\n"u8);
        Unflushed += _json.BytesCommitted;
    }
}
