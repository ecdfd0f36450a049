using OrleansLLM.Gateway.Http;
using OrleansLLM.Gateway.OpenAI;
using OrleansLLM.Gateway.Requests;
using OrleansLLM.Text;

namespace OrleansLLM.Gateway.Endpoints;

/// <summary>The text of ids, special tokens included.</summary>
internal static class Detokenize
{
    public static async ValueTask<ApiError?> HandleAsync(GatewayCall call)
    {
        var (body, error) = await JsonBody.ReadAsync(call.Context);
        if (body is null)
        {
            return error;
        }

        using (body)
        {
            var fields = new RequestFields(body.RootElement);
            var found = ModelField.Find(call.Server, fields);
            if (found.Value is not { } model)
            {
                return found.Error;
            }

            var ids = fields.Ids(Limits.Tokens, model.Tokenizer.VocabularySize) ?? fields.Refuse<int[]>("tokens", "`tokens` is missing.");
            if (ids is null)
            {
                return fields.Error;
            }

            var answer = new Detokenized(model.Tokenizer.Decode(ids, SpecialTokens.Keep));
            await Responses.WriteAsync(call.Context, StatusCodes.Status200OK, answer, WireJson.Default.Detokenized);
            return null;
        }
    }
}
