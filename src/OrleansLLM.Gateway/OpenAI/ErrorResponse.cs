using System.Text.Json.Serialization;
using OrleansLLM.Gateway.Http;

namespace OrleansLLM.Gateway.OpenAI;

internal sealed record ErrorResponse(ErrorBody Error)
{
    public static ErrorResponse From(ApiError error, string requestId) =>
        new(new ErrorBody(error.Message, error.Type, error.Param, error.Code, requestId));
}

/// <param name="RequestId">Ours: the id that the log and <c>X-Request-Id</c> have.</param>
internal sealed record ErrorBody(
    string Message, string Type, string? Param, string? Code, [property: JsonPropertyName("request_id")] string RequestId);
