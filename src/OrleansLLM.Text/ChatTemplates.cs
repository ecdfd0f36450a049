using System.Text.Json.Nodes;

namespace OrleansLLM.Text;

/// <summary>A model's chat template, compiled once; rendering is thread-safe, bounded in time and output.</summary>
public interface IChatTemplate
{
    /// <exception cref="ChatTemplateException">The template refused the messages, or a bound was reached.</exception>
    RenderedPrompt Render(ChatInput input);
}

/// <summary>What a template sees.</summary>
/// <param name="Messages">As the client sent them (roles, content, ...), keys in their order.</param>
/// <param name="Tools">Tool descriptions, or null.</param>
/// <param name="AddGenerationPrompt">Whether the prompt ends with the header of the answer to come.</param>
/// <param name="ContinueFinalMessage">Whether the prompt ends inside the last message.</param>
/// <param name="Arguments">chat_template_kwargs: further variables.</param>
public sealed record ChatInput(
    JsonArray Messages, JsonArray? Tools, bool AddGenerationPrompt, bool ContinueFinalMessage, JsonObject? Arguments);

/// <summary>
/// A prompt's text, with the ranges that came from the input and not from the template: special tokens there are plain text.
/// </summary>
public sealed record RenderedPrompt(string Text, IReadOnlyList<TextSpan> Literal);

/// <summary>
/// A template that can't be compiled or rendered; the message says what, where and what would work, <see cref="Reason"/> only what: where
/// the template itself refused the messages, its own words.
/// </summary>
public sealed class ChatTemplateException : Exception
{
    public ChatTemplateException()
        : this("the chat template can't be used")
    {
    }

    public ChatTemplateException(string message)
        : base(message) => Reason = message;

    public ChatTemplateException(string message, Exception inner)
        : base(message, inner) => Reason = message;

    /// <param name="line">The template's line, from 1; 0 where the fault is not in the template.</param>
    public ChatTemplateException(ChatTemplateFailure failure, string reason, int line)
        : base(Describe(failure, reason, line)) => (Failure, Reason, Line) = (failure, reason, line);

    public ChatTemplateFailure Failure { get; }

    public string Reason { get; }

    public int Line { get; }

    private static string Describe(ChatTemplateFailure failure, string reason, int line) => failure switch
    {
        _ when line == 0 => reason,
        ChatTemplateFailure.Refused => $"the chat template refused the messages (line {line}): {reason}",
        ChatTemplateFailure.Syntax => $"chat template, line {line}: {reason}",
        ChatTemplateFailure.NotBuilt => $"chat template, line {line}: {reason}",
        ChatTemplateFailure.Limit => $"chat template, line {line}, went past a limit: {reason}",
        _ => $"the chat template failed on these messages (line {line}): {reason}",
    };
}

/// <summary>Why a template can't be used.</summary>
public enum ChatTemplateFailure
{
    /// <summary>An operation failed on these messages, as it would in Python.</summary>
    Rendering,

    /// <summary>The template, or what comes before it, refused the messages.</summary>
    Refused,

    /// <summary>A bound of time, size or depth.</summary>
    Limit,

    /// <summary>The template does not compile.</summary>
    Syntax,

    /// <summary>Jinja has it and this server does not.</summary>
    NotBuilt,
}
