using System.Text.Json;
using OrleansLLM.Gateway.Http;

namespace OrleansLLM.Gateway.Requests;

/// <summary>
/// Fields that OpenAI or vLLM know and that this server can't honour: ignoring one would be a wrong answer. Values that ask for
/// nothing (false, none, an empty list) pass.
/// </summary>
internal static class UnbuiltFields
{
    private const string Constrained = "constrained decoding is not built.";
    private const string Tools = "tool calls are not built.";
    private const string Media = "only text is built.";

    private static readonly (string Field, string What, Func<JsonView, bool> IsHarmless)[] Rows =
    [
        ("tools", Tools, IsNothing),
        ("tool_choice", Tools, value => IsText(value, "none")),
        ("functions", Tools, IsNothing),
        ("function_call", Tools, value => IsText(value, "none")),
        ("response_format", Constrained, value => value.ValueKind == JsonValueKind.Object
            && value.TryGetProperty("type", out var type) && IsText(type, "text")),
        ("structured_outputs", Constrained, IsNothing),
        ("guided_json", Constrained, IsNothing),
        ("guided_regex", Constrained, IsNothing),
        ("guided_choice", Constrained, IsNothing),
        ("guided_grammar", Constrained, IsNothing),
        ("logits_processors", "custom logit processors are not built.", IsNothing),
        ("logprob_token_ids", "use logprobs.", IsNothing),
        ("return_tokens_as_token_ids", "use return_token_ids.", IsNothing),
        ("use_beam_search", "beam search is not built.", IsNothing),
        ("suffix", "text can't be inserted between a prompt and a suffix.", IsNothing),
        ("prompt_embeds", "send the prompt as text or token ids.", IsNothing),
        ("modalities", Media, value => value.ValueKind == JsonValueKind.Array && value.EnumerateArray().All(item => IsText(item, "text"))),
        ("audio", Media, IsNothing),
        ("prediction", "predicted output is not built.", IsNothing),
        ("web_search_options", "this server does not search the web.", IsNothing),
        ("documents", "put the documents into a message.", IsNothing),
        ("chat_template", "the model's own template is used.", IsNothing),
        ("truncation_side", "the last tokens are kept.", value => IsText(value, "left")),
        ("thinking_token_budget", "use max_tokens.", value => Json.TryGetInteger(value, out var budget) && budget == -1),
        ("repetition_detection", "use repetition_penalty.", IsNothing),
        ("kv_transfer_params", "transfers between servers are not built.", IsNothing),
    ];

    /// <summary>The first that is asked for, refused by its name.</summary>
    public static void Check(RequestFields fields)
    {
        foreach (var (field, what, isHarmless) in Rows)
        {
            if (fields.Find(field) is { } value && !isHarmless(value))
            {
                fields.Refuse<object>(ApiError.NotBuilt(field, what));
                return;
            }
        }
    }

    private static bool IsNothing(JsonView value) => value.ValueKind switch
    {
        JsonValueKind.False => true,
        JsonValueKind.Array => value.GetArrayLength() == 0,
        JsonValueKind.String => value.ValueEquals(""),
        _ => false,
    };

    private static bool IsText(JsonView value, string text) => value.ValueKind == JsonValueKind.String && value.ValueEquals(text);
}
