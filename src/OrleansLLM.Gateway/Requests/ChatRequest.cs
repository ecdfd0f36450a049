using OrleansLLM.Gateway.Http;
using OrleansLLM.Text;

namespace OrleansLLM.Gateway.Requests;

/// <summary>Reads the body of /v1/chat/completions.</summary>
internal static class ChatRequest
{
    /// <summary>Null where <paramref name="fields"/> holds the error.</summary>
    public static GenerationInput? Read(RequestFields fields, ServedModel model)
    {
        UnbuiltFields.Check(fields);
        if (fields.Flag("echo") == true)
        {
            fields.Refuse<object>(ApiError.NotBuilt("echo", "a chat's answer does not repeat the last message."));
        }

        var shape = CommonFields.ReadShape(fields) with { Logprobs = ReadLogprobs(fields) };
        var stream = CommonFields.ReadStream(fields, shape);
        var settings = CommonFields.ReadSettings(fields, model, shape);
        var asked = fields.Integer(Limits.MaxCompletionTokens) ?? fields.Integer(Limits.MaxChatTokens);
        var input = MessageFields.Read(fields, model);
        if (fields.Error is not null || input is null || MessageFields.Render(fields, model, input) is not { } text)
        {
            return null;
        }

        var prompt = new PromptFields(fields, model, "messages").FromText(text, ReadAdded(fields), PromptEcho.None, asked, int.MaxValue);
        IReadOnlyList<Prompt> prompts = prompt is null ? [] : [prompt];
        CommonFields.Check(fields, prompts, settings);
        return fields.Error is null
            ? new GenerationInput(model, RequestBody.ModelName(fields, model), prompts, settings, shape, stream, fields.HashBody())
            : null;
    }

    /// <summary>A template writes its special tokens itself, so nothing is added unless the client asks for it.</summary>
    public static AddedTokens ReadAdded(RequestFields fields) =>
        fields.Flag("add_special_tokens") == true ? AddedTokens.PostProcessor : AddedTokens.None;

    private static int? ReadLogprobs(RequestFields fields)
    {
        var wanted = fields.Flag("logprobs") == true;
        var top = fields.Integer(Limits.TopLogprobs);
        return !wanted && top > 0
            ? fields.Refuse<int?>("top_logprobs", "`top_logprobs` needs `logprobs` to be true.")
            : wanted ? top ?? 0 : null;
    }
}
