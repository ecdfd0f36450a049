using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using OrleansLLM.Gateway.Http;
using OrleansLLM.Text;

namespace OrleansLLM.Gateway.Requests;

/// <summary>
/// Messages as chat templates take them: keys in their order, null is absent, content is one text (parts of type text are joined by a
/// line feed, as vLLM does for templates that want a string).
/// </summary>
internal static class MessageFields
{
    private static readonly string[] Unbuilt = ["tool_calls", "function_call", "audio"];

    public static ChatInput? Read(RequestFields fields, ServedModel model)
    {
        var continues = fields.Flag("continue_final_message") ?? false;
        var generates = fields.Flag("add_generation_prompt") ?? true;
        if (continues && generates)
        {
            return fields.Refuse<ChatInput>(
                "continue_final_message", "`continue_final_message` needs `add_generation_prompt` to be false: the prompt can't end in two ways.");
        }

        var arguments = ReadArguments(fields);
        return ReadMessages(fields, model) is { } messages ? new ChatInput(messages, null, generates, continues, arguments) : null;
    }

    /// <summary>The model's prompt, or why its template can't make one.</summary>
    public static RenderedPrompt? Render(RequestFields fields, ServedModel model, ChatInput input)
    {
        if (model.Template is not { } template)
        {
            return fields.Refuse<RenderedPrompt>(ApiError.Invalid(
                "messages", $"The model `{model.Name}` has no chat template: use /v1/completions.", "no_chat_template"));
        }

        try
        {
            return template.Render(input);
        }
        catch (ChatTemplateException exception)
        {
            return fields.Refuse<RenderedPrompt>(
                ApiError.Invalid("messages", $"The model's chat template refused the messages: {exception.Message}", "chat_template"));
        }
    }

    private static JsonObject? ReadArguments(RequestFields fields)
    {
        const string field = "chat_template_kwargs";
        if (fields.Find(field) is not { } value)
        {
            return null;
        }

        if (value.ValueKind != JsonValueKind.Object)
        {
            return fields.Refuse<JsonObject>(field, $"`{field}` must be an object of the template's variables.");
        }

        return value.TryGetProperty("messages", out _)
            ? fields.Refuse<JsonObject>(field, $"`{field}` can't hold `messages`: they are the request's own.")
            : (JsonObject?)fields.Copy(value, field);
    }

    private static JsonArray? ReadMessages(RequestFields fields, ServedModel model)
    {
        var field = Limits.Messages.Field;
        if (fields.Find(field) is not { ValueKind: JsonValueKind.Array } list)
        {
            return fields.Refuse<JsonArray>(field, $"`{field}` must be a list of messages.");
        }

        if (!Limits.Messages.Allows(list.GetArrayLength()))
        {
            return fields.Refuse<JsonArray>(
                field, Limits.Messages.Refusal(field, list.GetArrayLength().ToString(CultureInfo.InvariantCulture)));
        }

        var messages = new JsonArray();
        var characters = 0L;
        foreach (var item in list.EnumerateArray())
        {
            var path = string.Create(CultureInfo.InvariantCulture, $"{field}[{messages.Count}]");
            if (ReadMessage(fields, item, path) is not { } message)
            {
                return null;
            }

            characters += message["content"]?.GetValue<string>().Length ?? 0;
            if (characters > Limits.TextCharacters(model.MaxLength))
            {
                return fields.Refuse<JsonArray>(PromptFields.TooManyCharacters(model, field, characters));
            }

            messages.Add((JsonNode)message);
        }

        return messages;
    }

    private static JsonObject? ReadMessage(RequestFields fields, JsonView item, string path)
    {
        if (item.ValueKind != JsonValueKind.Object)
        {
            return Refuse<JsonObject>(fields, path, $"must be an object with role and content, but is {Json.Describe(item)}.");
        }

        var message = new JsonObject();
        foreach (var member in item.EnumerateObject().Where(member => member.Value.ValueKind != JsonValueKind.Null))
        {
            var name = member.Name;
            var value = member.Value;
            if (Unbuilt.Contains(name) && !(value.ValueKind == JsonValueKind.Array && value.GetArrayLength() == 0))
            {
                return fields.Refuse<JsonObject>(ApiError.NotBuilt($"{path}.{name}", "only messages of text are built."));
            }

            if (name == "content")
            {
                if (ReadContent(fields, value, $"{path}.{name}") is not { } text)
                {
                    return null;
                }

                message[name] = text;
            }
            else if (fields.Copy(value, $"{path}.{ApiError.Shorten(name)}") is { } copy)
            {
                message[name] = copy;
            }
            else
            {
                return null;
            }
        }

        return Complete(fields, message, path);
    }

    private static JsonObject? Complete(RequestFields fields, JsonObject message, string path)
    {
        if (message["role"] is not JsonValue role || role.GetValueKind() != JsonValueKind.String)
        {
            return Refuse<JsonObject>(fields, $"{path}.role", "must be text, such as \"user\".");
        }

        if (!message.ContainsKey("content") && role.GetValue<string>() != "assistant")
        {
            return Refuse<JsonObject>(fields, $"{path}.content", "is missing.");
        }

        return message;
    }

    private static string? ReadContent(RequestFields fields, JsonView value, string path)
    {
        if (value.ValueKind != JsonValueKind.Array)
        {
            return Json.GetString(value) ?? Refuse<string>(fields, path, $"must be text or a list of parts, but is {Json.Describe(value)}.");
        }

        if (!Limits.ContentParts.Allows(value.GetArrayLength()))
        {
            return fields.Refuse<string>(ApiError.Invalid(
                path, Limits.ContentParts.Refusal(path, value.GetArrayLength().ToString(CultureInfo.InvariantCulture))));
        }

        var texts = new List<string>();
        foreach (var part in value.EnumerateArray())
        {
            if (ReadPart(fields, part, string.Create(CultureInfo.InvariantCulture, $"{path}[{texts.Count}]")) is not { } text)
            {
                return null;
            }

            texts.Add(text);
        }

        return string.Join('\n', texts);
    }

    private static string? ReadPart(RequestFields fields, JsonView part, string path)
    {
        if (Json.GetString(part) is { } bare)
        {
            return bare;
        }

        if (part.ValueKind != JsonValueKind.Object || !part.TryGetProperty("type", out var type) || Json.GetString(type) is not { } kind)
        {
            return Refuse<string>(fields, path, "must be a part with a type, such as {\"type\": \"text\", \"text\": \"...\"}.");
        }

        if (kind != "text")
        {
            return fields.Refuse<string>(
                ApiError.NotBuilt($"{path}.type", $"parts of type `{ApiError.Shorten(kind)}` are not built, only text is."));
        }

        return part.TryGetProperty("text", out var text) && Json.GetString(text) is { } content
            ? content
            : Refuse<string>(fields, $"{path}.text", "must be text.");
    }

    private static T? Refuse<T>(RequestFields fields, string path, string what) =>
        fields.Refuse<T>(ApiError.Invalid(path, $"`{path}` {what}"));
}
