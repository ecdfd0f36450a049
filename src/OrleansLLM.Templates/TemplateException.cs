using static System.FormattableString;

namespace OrleansLLM.Templates;

/// <summary>A template that can't be compiled or rendered: what kind of failure, what, and in which line.</summary>
public sealed class TemplateException : Exception
{
    public TemplateException()
        : this("the template can't be used")
    {
    }

    public TemplateException(string message)
        : base(message) => Reason = message;

    public TemplateException(string message, Exception inner)
        : base(message, inner) => Reason = message;

    /// <param name="reason">What went wrong, without the line; where the template itself refused, its own words.</param>
    /// <param name="line">The template's line, from 1.</param>
    public TemplateException(TemplateFailure failure, string reason, int line)
        : base(Invariant($"template, line {line}: {reason}")) => (Failure, Reason, Line) = (failure, reason, line);

    public TemplateFailure Failure { get; }

    public string Reason { get; }

    public int Line { get; }
}

/// <summary>Why a template can't be used.</summary>
public enum TemplateFailure
{
    /// <summary>An operation failed on these variables, as it would in Python.</summary>
    Rendering,

    /// <summary>The template refused the variables (raise_exception).</summary>
    Refused,

    /// <summary>A bound of time, size or depth.</summary>
    Limit,

    /// <summary>The template does not compile.</summary>
    Syntax,

    /// <summary>Jinja has it and this engine does not.</summary>
    NotBuilt,
}
