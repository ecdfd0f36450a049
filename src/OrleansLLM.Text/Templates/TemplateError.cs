namespace OrleansLLM.Text.Templates;

/// <summary>Why a template can't be compiled or rendered, before the line is known; <see cref="ChatTemplate"/> turns it into the public exception.</summary>
internal sealed class TemplateError(ChatTemplateFailure failure, string message) : Exception(message)
{
    public ChatTemplateFailure Failure { get; } = failure;

    public static TemplateError Type(string message) => new(ChatTemplateFailure.Rendering, message);

    public static TemplateError Value(string message) => new(ChatTemplateFailure.Rendering, message);

    public static TemplateError Syntax(string message) => new(ChatTemplateFailure.Syntax, message);

    public static TemplateError Limit(string message) => new(ChatTemplateFailure.Limit, message);

    /// <param name="what">Such as <c>filter 'urlize'</c>.</param>
    public static TemplateError NotBuilt(string what) =>
        new(ChatTemplateFailure.NotBuilt, $"this server does not build {what}; use a template without it");
}
