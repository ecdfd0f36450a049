using OrleansLLM.Gateway.Http;
using OrleansLLM.Gateway.OpenAI;

namespace OrleansLLM.Gateway.Endpoints;

/// <summary>200 where it is well, else 503 with the reason.</summary>
internal static class Health
{
    /// <summary>Whether requests are taken.</summary>
    public static ValueTask<ApiError?> HandleAsync(GatewayCall call) => AnswerAsync(call, call.Server.WhyUnavailable());

    /// <summary>Whether this process can do its work: not, where only a restart helps. Asks nobody else.</summary>
    public static ValueTask<ApiError?> LiveAsync(GatewayCall call) => AnswerAsync(call, call.Server.WhyDead());

    /// <summary>Whether requests should be sent here.</summary>
    public static ValueTask<ApiError?> ReadyAsync(GatewayCall call) => AnswerAsync(call, call.Server.WhyNotReady());

    private static async ValueTask<ApiError?> AnswerAsync(GatewayCall call, ApiError? reason)
    {
        if (reason is null)
        {
            await Responses.WriteAsync(call.Context, StatusCodes.Status200OK, new HealthAnswer("ok"), WireJson.Default.HealthAnswer);
        }

        return reason;
    }
}
