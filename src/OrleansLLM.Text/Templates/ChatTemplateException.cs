using OrleansLLM.Templates;
using static System.FormattableString;

namespace OrleansLLM.Text;

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

    /// <summary>What the template itself, or its engine, says.</summary>
    public ChatTemplateException(TemplateException inner)
        : base(Describe(inner), inner) => (Failure, Reason, Line) = (inner.Failure, inner.Reason, inner.Line);

    private ChatTemplateException(TemplateFailure failure, string reason)
        : base(reason) => (Failure, Reason) = (failure, reason);

    public TemplateFailure Failure { get; }

    public string Reason { get; }

    /// <summary>The template's line, from 1; 0 where the fault is not in the template.</summary>
    public int Line { get; }

    /// <summary>The messages can't be given to any template.</summary>
    internal static ChatTemplateException Refuse(string reason) => new(TemplateFailure.Refused, reason);

    private static string Describe(TemplateException error) => error.Failure switch
    {
        TemplateFailure.Refused => Invariant($"the chat template refused the messages (line {error.Line}): {error.Reason}"),
        TemplateFailure.Syntax => Invariant($"chat template, line {error.Line}: {error.Reason}"),
        TemplateFailure.NotBuilt => Invariant($"chat template, line {error.Line}: {error.Reason}"),
        TemplateFailure.Limit => Invariant($"chat template, line {error.Line}, went past a limit: {error.Reason}"),
        _ => Invariant($"the chat template failed on these messages (line {error.Line}): {error.Reason}"),
    };
}
