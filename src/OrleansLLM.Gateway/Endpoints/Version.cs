using OrleansLLM.Gateway.Http;
using OrleansLLM.Gateway.OpenAI;

namespace OrleansLLM.Gateway.Endpoints;

internal static class Version
{
    public static async ValueTask<ApiError?> HandleAsync(GatewayCall call)
    {
        await Responses.WriteAsync(
            call.Context, StatusCodes.Status200OK, new VersionAnswer(call.Server.Options.Version), WireJson.Default.VersionAnswer);
        return null;
    }
}
