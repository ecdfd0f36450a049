using System.Buffers;
using System.Text.Json;
using System.Text.Unicode;
using OrleansLLM.Gateway.Requests;

namespace OrleansLLM.Gateway.Http;

/// <summary>Reads a request's body as one JSON object, within <see cref="Limits.BodyBytes"/> and <see cref="Limits.JsonDepth"/>.</summary>
internal static class JsonBody
{
    private static readonly JsonDocumentOptions Options = new() { MaxDepth = Limits.JsonDepth };

    public static async ValueTask<Outcome<JsonDocument>> ReadAsync(HttpContext context)
    {
        var request = context.Request;
        if (!IsJson(request.ContentType))
        {
            return ApiError.Http(
                StatusCodes.Status415UnsupportedMediaType, "The body must be JSON: send `Content-Type: application/json`.");
        }

        if (request.Headers.ContentEncoding.Any(encoding => !string.Equals(encoding, "identity", StringComparison.OrdinalIgnoreCase)))
        {
            return ApiError.Http(StatusCodes.Status415UnsupportedMediaType, "A compressed body is not supported: send it as it is.");
        }

        if (request.ContentLength > Limits.BodyBytes)
        {
            return TooLarge();
        }

        try
        {
            return await ReadAsync(request, context.RequestAborted);
        }
        catch (BadHttpRequestException exception)
        {
            return exception.StatusCode == StatusCodes.Status413PayloadTooLarge
                ? TooLarge()
                : ApiError.Http(exception.StatusCode, "The body did not arrive whole.");
        }
    }

    private static async ValueTask<Outcome<JsonDocument>> ReadAsync(HttpRequest request, CancellationToken aborted)
    {
        var reader = request.BodyReader;
        while (true)
        {
            var result = await reader.ReadAsync(aborted);
            if (result.Buffer.Length > Limits.BodyBytes)
            {
                reader.AdvanceTo(result.Buffer.End);
                return TooLarge();
            }

            if (!result.IsCompleted)
            {
                reader.AdvanceTo(result.Buffer.Start, result.Buffer.End);
                continue;
            }

            var parsed = Parse(WithoutMark(result.Buffer.ToArray()));
            reader.AdvanceTo(result.Buffer.End);
            return parsed;
        }
    }

    /// <summary>A byte order mark is no part of JSON, but some clients send one.</summary>
    private static ReadOnlyMemory<byte> WithoutMark(byte[] body) =>
        body.AsSpan().StartsWith("\uFEFF"u8) ? body.AsMemory(3) : body;

    private static Outcome<JsonDocument> Parse(ReadOnlyMemory<byte> body)
    {
        if (!Utf8.IsValid(body.Span))
        {
            return ApiError.Invalid(null, "The body is not valid UTF-8.");
        }

        try
        {
            if (!NamesAreText(body.Span))
            {
                return ApiError.Invalid(null, "The body has a name with half a surrogate pair, which is no text.");
            }

            var document = JsonDocument.Parse(body, Options);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? document
                : ApiError.Invalid(null, $"The body must be a JSON object, but is {Json.Describe(document.RootElement)}.");
        }
        catch (JsonException exception)
        {
            return ApiError.Invalid(null, $"The body is not valid JSON: {exception.Message}", "invalid_json");
        }
    }

    /// <summary>Whether every escaped name can be read; later look-ups rely on it.</summary>
    private static bool NamesAreText(ReadOnlySpan<byte> body)
    {
        var reader = new Utf8JsonReader(body, new JsonReaderOptions { MaxDepth = Limits.JsonDepth });
        try
        {
            while (reader.Read())
            {
                if (reader.TokenType == JsonTokenType.PropertyName && reader.ValueIsEscaped)
                {
                    _ = reader.GetString();
                }
            }
        }
        catch (InvalidOperationException)
        {
            return false;
        }

        return true;
    }

    /// <summary>
    /// A page may send a body of no type, or of a few others, to any server without asking it first, so those are never read.
    /// </summary>
    private static bool IsJson(string? contentType)
    {
        var media = contentType.AsSpan();
        var end = media.IndexOf(';');
        media = (end < 0 ? media : media[..end]).Trim();
        return media.Equals("application/json", StringComparison.OrdinalIgnoreCase)
            || (media.IndexOfAny(" ,") < 0 && media.EndsWith("+json", StringComparison.OrdinalIgnoreCase));
    }

    private static ApiError TooLarge() =>
        ApiError.Http(StatusCodes.Status413PayloadTooLarge, $"The body is larger than the {Limits.BodyBytes} bytes that this server reads.");
}
