using System.Text.Json;

namespace OrleansLLM.Cli.Client;

/// <summary>One event of a streamed answer.</summary>
/// <param name="Text">New text, perhaps empty where a token ends inside a character; null where the event stands for no token.</param>
/// <param name="FinishReason">On a choice's last event.</param>
/// <param name="Usage">On the stream's last event.</param>
internal sealed record AnswerEvent(string? Text, string? FinishReason, AnswerUsage? Usage)
{
    /// <exception cref="HttpRequestException">It is an error event, or no chunk in OpenAI's shape.</exception>
    public static AnswerEvent Parse(string data)
    {
        try
        {
            using var document = JsonDocument.Parse(data);
            return Read(document.RootElement);
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw new HttpRequestException($"The server sent what is no chunk of an answer: {data[..Math.Min(data.Length, 100)]}", error);
        }
    }

    private static AnswerEvent Read(JsonElement root)
    {
        if (root.TryGetProperty("error", out var error))
        {
            var message = error.ValueKind == JsonValueKind.Object && error.TryGetProperty("message", out var text) ? text : error;
            throw new HttpRequestException(message.ToString());
        }

        var usage = root.TryGetProperty("usage", out var counts) && counts.ValueKind == JsonValueKind.Object
            && counts.TryGetProperty("prompt_tokens", out var prompt) && counts.TryGetProperty("completion_tokens", out var completion)
            ? new AnswerUsage(prompt.GetInt32(), completion.GetInt32())
            : null;
        if (!root.TryGetProperty("choices", out var choices) || choices.ValueKind != JsonValueKind.Array || choices.GetArrayLength() == 0)
        {
            return new AnswerEvent(null, null, usage);
        }

        var reason = choices[0].TryGetProperty("finish_reason", out var finish) ? finish.GetString() : null;
        return new AnswerEvent(TextOf(choices[0], reason), reason, usage);
    }

    private static string? TextOf(JsonElement choice, string? finishReason)
    {
        if (choice.TryGetProperty("text", out var text))
        {
            return IsOnlyAnEnd(text.GetString(), finishReason) ? null : text.GetString();
        }

        return choice.TryGetProperty("delta", out var delta)
            && delta.TryGetProperty("content", out var content)
            && content.GetString() is { } piece
            && !(delta.TryGetProperty("role", out _) && piece.Length == 0)
            && !IsOnlyAnEnd(piece, finishReason)
            ? piece
            : null;
    }

    private static bool IsOnlyAnEnd(string? text, string? finishReason) => string.IsNullOrEmpty(text) && finishReason is not null;
}

internal sealed record AnswerUsage(int PromptTokens, int CompletionTokens);
