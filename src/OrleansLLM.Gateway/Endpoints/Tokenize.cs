using OrleansLLM.Gateway.Http;
using OrleansLLM.Gateway.OpenAI;
using OrleansLLM.Gateway.Requests;
using OrleansLLM.Text;

namespace OrleansLLM.Gateway.Endpoints;

/// <summary>The ids of a text, or of messages as the model's template writes them.</summary>
internal static class Tokenize
{
    public static ValueTask<ApiError?> HandleAsync(GatewayCall call) =>
        RequestBody.AnswerAsync(call, Answer, WireJson.AsItIs.Tokenized);

    private static Tokenized? Answer(RequestFields fields, ServedModel model)
    {
        UnbuiltFields.Check(fields);
        var ids = Read(fields, model);
        var strings = fields.Flag("return_token_strs") == true ? ids?.Select(model.Tokenizer.GetToken) : null;
        return ids is null ? null : new Tokenized(ids.Length, model.MaxLength, ids, strings);
    }

    private static int[]? Read(RequestFields fields, ServedModel model)
    {
        if (fields.Find("messages") is not null)
        {
            return MessageFields.Read(fields, model) is { } input && MessageFields.Render(fields, model, input) is { } rendered
                ? new PromptFields(fields, model, "messages").Encode(rendered, ChatRequest.ReadAdded(fields))
                : null;
        }

        if (fields.Find("prompt") is not { } prompt || Json.GetString(prompt) is not { } text)
        {
            return fields.Refuse<int[]>("prompt", "`prompt` must be text, or `messages` must be there.");
        }

        var added = fields.Flag("add_special_tokens") == false ? AddedTokens.None : AddedTokens.PostProcessor;
        return new PromptFields(fields, model, "prompt").Encode(new RenderedPrompt(text, []), added);
    }
}
