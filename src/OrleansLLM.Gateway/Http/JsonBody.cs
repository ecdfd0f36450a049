using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using OrleansLLM.Gateway.Requests;

namespace OrleansLLM.Gateway.Http;

/// <summary>
/// A request's body, one JSON object that was checked to its end: <see cref="Limits.BodyBytes"/>, <see cref="Limits.JsonDepth"/>,
/// <see cref="Limits.Fields"/>. Its bytes are held, and counted against the server's budget, until it is disposed.
/// </summary>
internal sealed class JsonBody : IDisposable
{
    private readonly GatewayCall _call;
    private readonly BodyBuffer _buffer;

    private JsonBody(GatewayCall call, BodyBuffer buffer, JsonView root)
    {
        (_call, _buffer, Root) = (call, buffer, root);
    }

    /// <summary>Lives as long as this.</summary>
    public JsonView Root { get; }

    public static async ValueTask<Outcome<JsonBody>> ReadAsync(GatewayCall call)
    {
        var request = call.Context.Request;
        if (!IsJson(request.ContentType))
        {
            return ApiError.Http(
                StatusCodes.Status415UnsupportedMediaType, "The body must be JSON: send `Content-Type: application/json`.");
        }

        if (request.Headers.ContentEncoding.Any(encoding => !string.Equals(encoding, "identity", StringComparison.OrdinalIgnoreCase)))
        {
            return ApiError.Http(StatusCodes.Status415UnsupportedMediaType, "A compressed body is not supported: send it as it is.");
        }

        var most = (int)Math.Min(Limits.BodyBytes, call.Server.Bodies.Largest / Limits.BodyCost);
        if (request.ContentLength > most)
        {
            return TooLarge(most);
        }

        var buffer = new BodyBuffer(call.Server.Bodies.Open());
        var body = await ReadAsync(call, buffer, most);
        if (body.Value is null)
        {
            buffer.Dispose();
        }

        return body;
    }

    /// <summary>Counts what is made of a part of the body; an error where there is no room for it. One that wants all there is waits to be alone.</summary>
    public ApiError? TryReserve(long bytes) =>
        _buffer.TryReserveReading(Math.Min(bytes, _call.Server.Bodies.Largest - _buffer.Bytes.Length)) ? null : Busy(_call);

    /// <summary>A digest of the path that the body was sent to and of its bytes as they are: equal for a request that is sent again.</summary>
    public byte[] Hash()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes($"{_call.Context.Request.Path}\n"));
        hash.AppendData(_buffer.Bytes.Span);
        return hash.GetHashAndReset();
    }

    public void Dispose() => _buffer.Dispose();

    private static async ValueTask<Outcome<JsonBody>> ReadAsync(GatewayCall call, BodyBuffer buffer, int most)
    {
        try
        {
            return await FillAsync(call, buffer, most) ?? (buffer.TryReserveReading(0) ? Check(call, buffer) : Busy(call));
        }
        catch (BadHttpRequestException exception)
        {
            return exception.StatusCode == StatusCodes.Status413PayloadTooLarge
                ? TooLarge(most)
                : ApiError.Http(exception.StatusCode, "The body did not arrive whole.");
        }
    }

    /// <summary>
    /// Null once the body has arrived. One without room is read to its end all the same, and kept nowhere: a client that still writes would
    /// not hear the answer.
    /// </summary>
    private static async ValueTask<ApiError?> FillAsync(GatewayCall call, BodyBuffer buffer, int most)
    {
        var reader = call.Context.Request.BodyReader;
        var arrived = 0L;
        ApiError? error = null;
        while (true)
        {
            var result = await reader.ReadAsync(call.Aborted);
            arrived += result.Buffer.Length;
            if (error is null && arrived <= most && !buffer.TryAppend(result.Buffer, (int?)call.Context.Request.ContentLength ?? most))
            {
                error = Busy(call);
                buffer.Dispose();
            }

            reader.AdvanceTo(result.Buffer.End);
            if (arrived > most)
            {
                return TooLarge(most);
            }

            if (result.IsCompleted)
            {
                return error;
            }
        }
    }

    private static Outcome<JsonBody> Check(GatewayCall call, BodyBuffer buffer)
    {
        // A byte order mark is no part of JSON, but some clients send one.
        var body = buffer.Bytes.Span.StartsWith("\uFEFF"u8) ? buffer.Bytes[3..] : buffer.Bytes;
        if (!Utf8.IsValid(body.Span))
        {
            return ApiError.Invalid(null, "The body is not valid UTF-8.");
        }

        try
        {
            if (WhyInvalid(body.Span) is { } reason)
            {
                return ApiError.Invalid(null, reason);
            }
        }
        catch (JsonException exception)
        {
            return ApiError.Invalid(null, $"The body is not valid JSON: {exception.Message}", "invalid_json");
        }

        var root = JsonView.OfBody(body);
        return root.ValueKind == JsonValueKind.Object
            ? new JsonBody(call, buffer, root)
            : ApiError.Invalid(null, $"The body must be a JSON object, but is {Json.Describe(root)}.");
    }

    /// <summary>Reads to the end: every escaped name is text, which look-ups rely on, and the fields are not too many.</summary>
    /// <exception cref="JsonException">It is no JSON.</exception>
    private static string? WhyInvalid(ReadOnlySpan<byte> body)
    {
        var reader = new Utf8JsonReader(body, new JsonReaderOptions { MaxDepth = Limits.JsonDepth });
        var fields = 0;
        while (reader.Read())
        {
            if (reader.TokenType != JsonTokenType.PropertyName)
            {
                continue;
            }

            if (reader.CurrentDepth == 1 && ++fields > Limits.Fields)
            {
                return $"The body has more than {Limits.Fields} fields.";
            }

            if (reader.ValueIsEscaped && !IsText(ref reader))
            {
                return "The body has a name with half a surrogate pair, which is no text.";
            }
        }

        return null;
    }

    private static bool IsText(ref Utf8JsonReader reader)
    {
        try
        {
            _ = reader.GetString();
            return true;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
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

    private static ApiError TooLarge(int most) =>
        ApiError.Http(StatusCodes.Status413PayloadTooLarge, FormattableString.Invariant($"The body is larger than the {most} bytes that this server reads."));

    private static ApiError Busy(GatewayCall call) => ApiError.Unavailable(
        "The bodies that are being read hold all the memory that they may (--max-parsed-bytes): try again later.", call.Server.Options.RetryAfter);
}
