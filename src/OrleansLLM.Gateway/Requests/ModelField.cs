using OrleansLLM.Gateway.Http;

namespace OrleansLLM.Gateway.Requests;

/// <summary>Which model a request means.</summary>
internal static class ModelField
{
    public static Outcome<ServedModel> Find(GatewayServer server, RequestFields fields)
    {
        var name = fields.Text(Limits.Model);
        return fields.Error is { } error ? error : server.FindModel(name);
    }
}
