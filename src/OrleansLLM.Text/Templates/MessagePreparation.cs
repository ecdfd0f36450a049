using System.Text.Json.Nodes;
using OrleansLLM.Templates;

namespace OrleansLLM.Text;

/// <summary>What a server does with messages before the template sees them, and with the prompt that ends inside the last of them.</summary>
internal static class MessagePreparation
{
    /// <summary>Stands behind the text that a prompt ends in while the template runs; transformers' own, which some templates know.</summary>
    private const string EndMark = "CONTINUE_FINAL_MESSAGE_TAG ";

    private static readonly string[] ReasoningNames = ["reasoning_content", "thinking", "reasoning"];

    /// <summary>A copy without keys whose value is null, and with the reasoning under the names that templates read.</summary>
    public static JsonArray Prepare(JsonArray messages) => new([.. messages.Select(message => message is JsonObject given
        ? Prepare(given)
        : throw ChatTemplateException.Refuse("each of messages must be an object with a role"))]);

    /// <summary>Marks the end of the last message's text, and returns the text as it was.</summary>
    public static string MarkEnd(JsonArray messages)
    {
        var message = messages[^1]!.AsObject();
        var (holder, key) = message["content"] is JsonArray parts
            ? (parts.Reverse().OfType<JsonObject>().FirstOrDefault(part => part.ContainsKey("text")), "text")
            : (message, "content");
        if (holder?[key] is not JsonValue value || !value.TryGetValue<string>(out var text))
        {
            throw ChatTemplateException.Refuse("continue_final_message needs text in the last message's content");
        }

        holder[key] = text + EndMark;
        return text;
    }

    /// <summary>The prompt up to the mark, as transformers cuts it: where the template trimmed the mark's space, it would have trimmed the text's.</summary>
    public static RenderedPrompt CutAtMark(RenderedPrompt prompt, string text)
    {
        var at = prompt.Text.LastIndexOf(EndMark.TrimEnd(), StringComparison.Ordinal);
        if (at < 0 || !prompt.Text.Contains(PythonText.Strip(text), StringComparison.Ordinal))
        {
            throw ChatTemplateException.Refuse(
                "continue_final_message: the chat template does not show the last message as it is, so it can't be continued");
        }

        var isKept = string.CompareOrdinal(prompt.Text, at, EndMark, 0, EndMark.Length) == 0;
        var end = isKept ? at : PythonText.StripEnd(prompt.Text[..at]).Length;
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
}
