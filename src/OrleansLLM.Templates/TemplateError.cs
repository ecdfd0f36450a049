namespace OrleansLLM.Templates;

/// <summary>Why a template can't be compiled or rendered, before the line is known; <see cref="Template"/> turns it into the public exception.</summary>
internal sealed class TemplateError(TemplateFailure failure, string message) : Exception(message)
{
    public TemplateFailure Failure { get; } = failure;

    public static TemplateError Type(string message) => new(TemplateFailure.Rendering, message);

    public static TemplateError Value(string message) => new(TemplateFailure.Rendering, message);

    public static TemplateError Syntax(string message) => new(TemplateFailure.Syntax, message);

    public static TemplateError Limit(string message) => new(TemplateFailure.Limit, message);

    /// <param name="what">Such as <c>filter 'urlize'</c>.</param>
    public static TemplateError NotBuilt(string what) =>
        new(TemplateFailure.NotBuilt, $"this server does not build {what}; use a template without it");
}
