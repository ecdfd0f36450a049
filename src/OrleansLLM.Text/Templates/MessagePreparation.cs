using System.Text.Json;
using System.Text.Json.Nodes;

namespace OrleansLLM.Text.Templates;

/// <summary>What a server does with messages before the template sees them, and with the prompt that ends inside the last of them.</summary>
internal static class MessagePreparation
{
    private static readonly string[] ReasoningNames = ["reasoning_content", "thinking", "reasoning"];

    /// <summary>A copy without keys whose value is null, and with the reasoning under the names that templates read.</summary>
    public static JsonArray Prepare(JsonArray messages) => new([.. messages.Select(message => message is JsonObject given
        ? Prepare(given)
        : throw new ChatTemplateException(ChatTemplateFailure.Refused, "each of messages must be an object with a role", 0))]);

    /// <summary>The prompt up to the end of the last message's text, as transformers cuts it.</summary>
    public static RenderedPrompt Continue(RenderedPrompt prompt, JsonArray messages)
    {
        var text = LastText(messages[^1]!["content"]);
        var trimmed = Strip(text);
        var at = prompt.Text.LastIndexOf(trimmed, StringComparison.Ordinal);
        if (at < 0)
        {
            throw new ChatTemplateException(
                ChatTemplateFailure.Refused,
                "continue_final_message: the chat template does not show the last message as it is, so it can't be continued", 0);
        }

        var whole = Library.TextOperations.Strip(new Values.TextValue(text), null, Library.StripEnds.Left).Text;
        var kept = string.CompareOrdinal(prompt.Text, at, whole, 0, whole.Length) == 0 ? whole.Length : trimmed.Length;
        var end = at + kept;
        return new(prompt.Text[..end], [.. prompt.Literal
            .Where(span => span.Start < end)
            .Select(span => new TextSpan(span.Start, Math.Min(span.End, end) - span.Start))]);
    }

    private static JsonObject Prepare(JsonObject message)
    {
        var prepared = new JsonObject();
        foreach (var (name, value) in message)
        {
            if (value is not null)
            {
                prepared[name] = value.DeepClone();
            }
        }

        if (ReasoningNames.Select(name => prepared[name]).FirstOrDefault(value => value is not null) is { } reasoning)
        {
            prepared["reasoning_content"] = reasoning.DeepClone();
            prepared["thinking"] ??= reasoning.DeepClone();
        }

        return prepared;
    }

    private static string LastText(JsonNode? content)
    {
        if (content is JsonArray parts)
        {
            content = parts.Reverse().OfType<JsonObject>().FirstOrDefault(part => part.ContainsKey("text"))?["text"];
        }

        return content?.GetValueKind() == JsonValueKind.String
            ? content.GetValue<string>()
            : throw new ChatTemplateException(
                ChatTemplateFailure.Refused, "continue_final_message needs text in the last message's content", 0);
    }

    private static string Strip(string text) =>
        Library.TextOperations.Strip(new Values.TextValue(text), null, Library.StripEnds.Both).Text;
}
