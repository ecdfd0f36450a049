using System.Buffers;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using OrleansLLM.Gateway.OpenAI;

namespace OrleansLLM.Gateway.Http;

/// <summary>Writes answers and errors that are one JSON value.</summary>
internal static class Responses
{
    /// <summary>Text is written as it is: the answer is JSON, never part of a page.</summary>
    public static readonly JsonWriterOptions Writing =
        new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    private static readonly object StreamStatus = new();

    /// <summary>What became of a request: its status, or that of the error which ended its stream.</summary>
    public static int StatusOf(HttpContext context) =>
        context.Items.TryGetValue(StreamStatus, out var status) ? (int)status! : context.Response.StatusCode;

    public static async ValueTask WriteAsync<T>(HttpContext context, int status, T value, JsonTypeInfo<T> type)
    {
        var bytes = new ArrayBufferWriter<byte>();
        await using (var json = new Utf8JsonWriter(bytes, Writing))
        {
            JsonSerializer.Serialize(json, value, type);
        }

        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";
        context.Response.ContentLength = bytes.WrittenCount;
        await context.Response.Body.WriteAsync(bytes.WrittenMemory, context.RequestAborted);
    }

    /// <summary>Writes what may be large piece by piece, as fast as the client reads, so that it never stands in memory.</summary>
    /// <param name="type">Of <see cref="WireJson.AsItIs"/>.</param>
    public static async ValueTask WriteLargeAsync<T>(HttpContext context, T value, JsonTypeInfo<T> type)
    {
        context.Response.StatusCode = StatusCodes.Status200OK;
        context.Response.ContentType = "application/json";
        await JsonSerializer.SerializeAsync(context.Response.BodyWriter, value, type, context.RequestAborted);
    }

    /// <summary>
    /// Tells a client why it gets no answer: as a status, as an event where a stream has begun, and where half an answer is under way
    /// by closing the connection.
    /// </summary>
    public static async ValueTask WriteErrorAsync(HttpContext context, ApiError error)
    {
        var body = ErrorResponse.From(error, context.TraceIdentifier);
        if (!context.Response.HasStarted)
        {
            if (error.RetryAfterSeconds is { } seconds)
            {
                context.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
            }

            await WriteAsync(context, error.Status, body, WireJson.Default.ErrorResponse);
        }
        else if (SseStream.IsOpen(context.Response))
        {
            context.Items[StreamStatus] = error.Status;
            await SseStream.WriteLastAsync(context.Response, body);
        }
        else
        {
            context.Abort();
        }
    }
}
