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
