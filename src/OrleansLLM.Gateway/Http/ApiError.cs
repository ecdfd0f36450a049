namespace OrleansLLM.Gateway.Http;

/// <summary>
/// Why a request has no answer, as OpenAI's clients read it. The only place where an outcome becomes a status.
/// </summary>
/// <param name="Param">The field that is wrong, if one is.</param>
/// <param name="RetryAfter">When it may be worth trying again.</param>
internal sealed record ApiError(
    int Status, string Type, string Message, string? Param = null, string? Code = null, TimeSpan? RetryAfter = null)
{
    public const string InvalidRequest = "invalid_request_error";

    /// <summary>The client left: nobody reads it, the log does.</summary>
    public const int ClientClosedRequest = 499;

    private const string Server = "server_error";

    public static ApiError Invalid(string? param, string message, string? code = null) =>
        new(StatusCodes.Status400BadRequest, InvalidRequest, message, param, code);

    public static ApiError NotBuilt(string param, string what) =>
        Invalid(param, $"`{param}` is not supported: {what}", "unsupported_parameter");

    public static ApiError UnknownModel(string name, IEnumerable<string> known) => new(
        StatusCodes.Status404NotFound,
        InvalidRequest,
        $"The model `{Shorten(name)}` does not exist here; this server has {string.Join(", ", known.Select(model => $"`{model}`"))}.",
        "model",
        "model_not_found");

    public static ApiError WrongKey(string message) =>
        new(StatusCodes.Status401Unauthorized, "authentication_error", message, null, "invalid_api_key");

    public static ApiError Forbidden(string message, string code, string? param = null) =>
        new(StatusCodes.Status403Forbidden, "permission_error", message, param, code);

    public static ApiError Unavailable(string message, TimeSpan retryAfter) =>
        new(StatusCodes.Status503ServiceUnavailable, Server, message, null, "unavailable", retryAfter);

    public static ApiError QueueFull(string message, TimeSpan retryAfter) =>
        new(StatusCodes.Status429TooManyRequests, "rate_limit_error", message, null, "queue_full", retryAfter);

    /// <summary>The caller has no such answer, or may not know of it.</summary>
    public static ApiError UnknownAnswer(string id) => new(
        StatusCodes.Status404NotFound,
        InvalidRequest,
        $"No answer `{Shorten(id)}` of this key is known here: it never was, or it ended too long ago.",
        null,
        "unknown_answer");

    /// <summary>The client says that it repeats a request, but its body is another one.</summary>
    public static ApiError OtherBody(string header) => new(
        StatusCodes.Status409Conflict,
        InvalidRequest,
        $"`{header}` names a request with another body: send the same bytes to the same route, or leave the header out.",
        header,
        "other_body");

    /// <summary>A bug, or a device that broke: the log has the rest, under the request's id.</summary>
    public static ApiError Internal(string requestId) =>
        new(StatusCodes.Status500InternalServerError, Server, $"The server failed. The log says more under the request id {requestId}.");

    /// <summary>What HTTP itself refuses: unknown route, wrong method, body too large, too slow or cut off.</summary>
    public static ApiError Http(int status, string message) => new(status, InvalidRequest, message, null, status switch
    {
        StatusCodes.Status404NotFound => "not_found",
        StatusCodes.Status405MethodNotAllowed => "method_not_allowed",
        StatusCodes.Status408RequestTimeout => "timeout",
        StatusCodes.Status413PayloadTooLarge => "request_too_large",
        StatusCodes.Status415UnsupportedMediaType => "unsupported_media_type",
        _ => null,
    });

    public static ApiError From(SubmitResult.Refused refused, string promptField, TimeSpan retryAfter) => refused.Reason switch
    {
        RefusalReason.Invalid => Invalid(null, refused.Message),
        RefusalReason.TooLong => Invalid(promptField, refused.Message, "context_length_exceeded"),
        RefusalReason.UnknownModel => new(
            StatusCodes.Status404NotFound, InvalidRequest, refused.Message, "model", "model_not_found"),
        RefusalReason.QueueFull => QueueFull(refused.Message, refused.RetryAfter ?? retryAfter),
        _ => Unavailable(refused.Message, refused.RetryAfter ?? retryAfter),
    };

    /// <summary>Null where the sequence has an answer: it stopped, or reached its length.</summary>
    public static ApiError? From(SequenceEnd end, string requestId, TimeSpan retryAfter) => end.Reason switch
    {
        FinishReason.Stop or FinishReason.Length => null,
        FinishReason.TimedOut => new(
            StatusCodes.Status408RequestTimeout, "timeout_error", end.Message ?? "The request took longer than this server allows.", null, "timeout"),
        FinishReason.QueueTimedOut => Unavailable(end.Message ?? "The request waited longer than this server allows.", retryAfter),
        FinishReason.ShutDown => Unavailable(end.Message ?? "The server is stopping.", retryAfter),
        FinishReason.Cancelled => new(ClientClosedRequest, InvalidRequest, end.Message ?? "The request was cancelled.", null, "cancelled"),
        FinishReason.NothingAllowed => Invalid(
            null, end.Message ?? "The request's limits leave no token to draw.", "nothing_allowed"),
        FinishReason.BrokenLogits => new(
            StatusCodes.Status500InternalServerError, Server, end.Message ?? "The model's logits are no numbers.", null, "broken_logits"),
        FinishReason.Poisoned => new(
            StatusCodes.Status500InternalServerError, Server, end.Message ?? "Workers stopped under the request.", null, "poisoned"),
        _ => Internal(requestId),
    };

    /// <summary>As clients are told: whole seconds, at least one.</summary>
    public long? RetryAfterSeconds => RetryAfter is { } wait ? Math.Max(1, (long)Math.Ceiling(wait.TotalSeconds)) : null;

    /// <summary>A client's own words in an error message, bounded.</summary>
    public static string Shorten(string text) => text.Length <= 64 ? text : string.Concat(text.AsSpan(0, 61), "...");
}

/// <summary>A value, or why there is none.</summary>
internal readonly record struct Outcome<T>(T? Value, ApiError? Error)
    where T : class
{
    public static implicit operator Outcome<T>(T value) => new(value, null);

    public static implicit operator Outcome<T>(ApiError error) => new(null, error);
}
