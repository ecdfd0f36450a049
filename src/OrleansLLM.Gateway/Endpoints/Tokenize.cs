using OrleansLLM.Gateway.Http;
using OrleansLLM.Gateway.OpenAI;
using OrleansLLM.Gateway.Requests;
using OrleansLLM.Text;

namespace OrleansLLM.Gateway.Endpoints;

/// <summary>The ids of a text, or of messages as the model's template writes them.</summary>
internal static class Tokenize
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

            UnbuiltFields.Check(fields);
            var ids = Read(fields, model);
            var strings = fields.Flag("return_token_strs") == true ? ids?.Select(model.Tokenizer.GetToken).ToArray() : null;
            if (ids is null || fields.Error is not null)
            {
                return fields.Error;
            }

            var answer = new Tokenized(ids.Length, model.MaxLength, ids, strings);
            await Responses.WriteAsync(call.Context, StatusCodes.Status200OK, answer, WireJson.Default.Tokenized);
            return null;
        }
    }

    private static int[]? Read(RequestFields fields, ServedModel model)
    {
        if (fields.Find("messages") is not null)
        {
            return MessageFields.Read(fields) is { } input && MessageFields.Render(fields, model, input) is { } rendered
                ? PromptFields.Encode(model.Tokenizer, rendered, ChatRequest.ReadAdded(fields))
                : null;
        }

        if (fields.Find("prompt") is not { } prompt || Json.GetString(prompt) is not { } text)
        {
            return fields.Refuse<int[]>("prompt", "`prompt` must be text, or `messages` must be there.");
        }

        var added = fields.Flag("add_special_tokens") == false ? AddedTokens.None : AddedTokens.PostProcessor;
        return PromptFields.Encode(model.Tokenizer, new RenderedPrompt(text, []), added);
    }
}
