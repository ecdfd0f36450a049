using System.Text.Json.Serialization.Metadata;
using OrleansLLM.Gateway.Http;
using OrleansLLM.Text;

namespace OrleansLLM.Gateway.Requests;

/// <summary>How every endpoint with a body begins: one JSON object, the model that it names, then its other fields.</summary>
internal static class RequestBody
{
    /// <param name="read">Gives null where the fields hold the error.</param>
    public static async ValueTask<Outcome<T>> ReadAsync<T>(GatewayCall call, Func<RequestFields, ServedModel, T?> read)
        where T : class
    {
        var (body, error) = await JsonBody.ReadAsync(call);
        using (body)
        {
            return body is null ? error! : Read(call.Server, body, read);
        }
    }

    /// <summary>Of a body that says what another one said: nothing of it is read.</summary>
    public static async ValueTask<Outcome<byte[]>> HashAsync(GatewayCall call)
    {
        var (body, error) = await JsonBody.ReadAsync(call);
        using (body)
        {
            return body is null ? error! : body.Hash();
        }
    }

    /// <summary>For an endpoint that answers from the body and the model alone.</summary>
    public static async ValueTask<ApiError?> AnswerAsync<T>(
        GatewayCall call, Func<RequestFields, ServedModel, T?> answerOf, JsonTypeInfo<T> type)
        where T : class
    {
        var (body, error) = await JsonBody.ReadAsync(call);
        using (body) // whose reservation stands for the answer, too
        {
            (var answer, error) = body is null ? error! : Read(call.Server, body, answerOf);
            if (answer is not null)
            {
                await Responses.WriteLargeAsync(call.Context, answer, type);
            }

            return error;
        }
    }

    /// <summary>As the client wrote it, which answers repeat.</summary>
    public static string ModelName(RequestFields fields, ServedModel model) =>
        fields.Text(Limits.Model) is { Length: > 0 } name ? name : model.Name;

    private static Outcome<T> Read<T>(GatewayServer server, JsonBody body, Func<RequestFields, ServedModel, T?> read)
        where T : class
    {
        var fields = RequestFields.OfBody(body);
        var name = fields.Text(Limits.Model);
        if (fields.Error is not null)
        {
            return fields.Error;
        }

        var (model, unknown) = server.FindModel(name);
        if (model is null)
        {
            return unknown!;
        }

        return read(fields, model) is { } input && fields.Error is null ? input : fields.Error!;
    }
}
