using OrleansLLM.Text;

namespace OrleansLLM.Gateway.Requests;

/// <summary>Reads the body of /v1/completions.</summary>
internal static class CompletionRequest
{
    /// <summary>What max_tokens is where nobody says it, for OpenAI and vLLM alike.</summary>
    public const int StandardTokens = 16;

    /// <summary>Null where <paramref name="fields"/> holds the error.</summary>
    public static GenerationInput? Read(RequestFields fields, ServedModel model)
    {
        UnbuiltFields.Check(fields);
        var shape = CommonFields.ReadShape(fields) with
        {
            Logprobs = fields.Integer(Limits.Logprobs),
            Echo = fields.Flag("echo") == true ? PromptEcho.Repeat : PromptEcho.None,
        };
        var stream = CommonFields.ReadStream(fields, shape);
        var settings = CommonFields.ReadSettings(fields, model, shape);
        var added = fields.Flag("add_special_tokens") == false ? AddedTokens.None : AddedTokens.PostProcessor;
        var asked = fields.Integer(Limits.MaxTokens);
        var prompts = new PromptFields(fields, model, "prompt").Read(shape.Echo, added, asked, StandardTokens);
        CommonFields.Check(fields, prompts, settings);
        return fields.Error is null
            ? new GenerationInput(model, RequestBody.ModelName(fields, model), prompts, settings, shape, stream, fields.HashBody())
            : null;
    }
}
