using System.Text.Json.Serialization;
using OrleansLLM.Gateway.Http;

namespace OrleansLLM.Gateway.OpenAI;

internal sealed record ErrorResponse(ErrorBody Error)
{
    public static ErrorResponse From(ApiError error, string requestId) =>
        new(new ErrorBody(error.Message, error.Type, error.Param, error.Code, requestId) { RetryAfter = error.RetryAfterSeconds });
}

/// <param name="RequestId">Ours: the id that the log and <c>X-Request-Id</c> have.</param>
internal sealed record ErrorBody(
    string Message, string Type, string? Param, string? Code, [property: JsonPropertyName("request_id")] string RequestId)
{
    /// <summary>Ours: seconds, as the header of that name has them where there is one.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? RetryAfter { get; init; }
}
