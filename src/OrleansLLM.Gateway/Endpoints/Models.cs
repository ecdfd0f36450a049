using OrleansLLM.Gateway.Http;
using OrleansLLM.Gateway.OpenAI;
using OrleansLLM.Text;

namespace OrleansLLM.Gateway.Endpoints;

/// <summary>What is served, a card a name.</summary>
internal static class Models
{
    public static async ValueTask<ApiError?> ListAsync(GatewayCall call)
    {
        var cards = call.Server.Served.Models.SelectMany(model => model.Aliases.Prepend(model.Name).Select(name => Card(model, name)));
        await Responses.WriteAsync(call.Context, StatusCodes.Status200OK, new ModelList([.. cards]), WireJson.Default.ModelList);
        return null;
    }

    public static async ValueTask<ApiError?> GetAsync(GatewayCall call)
    {
        // Of a path's escapes only that of the slash is left: in a name it stands for itself.
        var name = ((string)call.Context.Request.RouteValues["model"]!).Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);
        var found = call.Server.FindModel(name);
        if (found.Value is not { } model)
        {
            return found.Error;
        }

        await Responses.WriteAsync(call.Context, StatusCodes.Status200OK, Card(model, name), WireJson.Default.ModelCard);
        return null;
    }

    private static ModelCard Card(ServedModel model, string name) =>
        new(name, model.Created.ToUnixTimeSeconds(), model.Name, model.MaxLength);
}
