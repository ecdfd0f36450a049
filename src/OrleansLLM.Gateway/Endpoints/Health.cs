using OrleansLLM.Gateway.Http;
using OrleansLLM.Gateway.OpenAI;

namespace OrleansLLM.Gateway.Endpoints;

/// <summary>200 while requests are taken, else 503 with the reason.</summary>
internal static class Health
{
    public static async ValueTask<ApiError?> HandleAsync(GatewayCall call)
    {
        if (call.Server.WhyUnavailable() is { } reason)
        {
            return reason;
        }

        await Responses.WriteAsync(call.Context, StatusCodes.Status200OK, new HealthAnswer("ok"), WireJson.Default.HealthAnswer);
        return null;
    }
}
