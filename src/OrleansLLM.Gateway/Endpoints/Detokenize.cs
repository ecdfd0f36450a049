using OrleansLLM.Gateway.Http;
using OrleansLLM.Gateway.OpenAI;
using OrleansLLM.Gateway.Requests;
using OrleansLLM.Text;

namespace OrleansLLM.Gateway.Endpoints;

/// <summary>The text of ids, special tokens included.</summary>
internal static class Detokenize
{
    public static ValueTask<ApiError?> HandleAsync(GatewayCall call) =>
        RequestBody.AnswerAsync(call, Answer, WireJson.AsItIs.Detokenized);

    private static Detokenized? Answer(RequestFields fields, ServedModel model) =>
        (fields.Ids(Limits.Tokens, model.Tokenizer.VocabularySize) ?? fields.Refuse<int[]>("tokens", "`tokens` is missing.")) is { } ids
            ? new Detokenized(model.Tokenizer.Decode(ids, SpecialTokens.Keep))
            : null;
}
