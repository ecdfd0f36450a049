using System.Text.Json.Nodes;
using OrleansLLM.Templates;

namespace OrleansLLM.Text;

/// <summary>
/// A chat template in Jinja, as transformers renders it. Immutable and thread-safe. The template writes the beginning-of-sequence token
/// itself where its model wants one: encode what it renders with <see cref="AddedTokens.None"/>, so that there is one and not two.
/// </summary>
public sealed class ChatTemplate : IChatTemplate
{
    private readonly Template _template;
    private readonly ChatTemplateTokens _tokens;

    private ChatTemplate(Template template, ChatTemplateTokens tokens) => (_template, _tokens) = (template, tokens);

    /// <param name="source">The template's text.</param>
    /// <param name="tokens">The special tokens that the template may name.</param>
    /// <param name="clock">What strftime_now shows; the machine's clock where it is null.</param>
    /// <exception cref="ChatTemplateException">The template has an error, or uses something by name that is not built.</exception>
    public static ChatTemplate Compile(string source, ChatTemplateTokens tokens, TimeProvider? clock = null)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        try
        {
            return new(Template.Compile(source, clock), tokens);
        }
        catch (TemplateException error)
        {
            throw new ChatTemplateException(error);
        }
    }

    /// <inheritdoc/>
    public RenderedPrompt Render(ChatInput input)
    {
        ArgumentNullException.ThrowIfNull(input);
        if (input.Messages.Count == 0)
        {
            throw ChatTemplateException.Refuse("messages must hold at least one message");
        }

        if (input is { ContinueFinalMessage: true, AddGenerationPrompt: true })
        {
            throw ChatTemplateException.Refuse("continue_final_message and add_generation_prompt exclude each other; set one of them to false");
        }

        var messages = MessagePreparation.Prepare(input.Messages);
        var continued = input.ContinueFinalMessage ? MessagePreparation.MarkEnd(messages) : null;
        var variables = new JsonObject { ["messages"] = messages, ["tools"] = input.Tools?.DeepClone(), ["documents"] = null };
        variables["add_generation_prompt"] = input.AddGenerationPrompt;
        foreach (var (name, value) in input.Arguments ?? [])
        {
            variables[name] = value?.DeepClone();
        }

        var prompt = Render(variables);
        return continued is null ? prompt : MessagePreparation.CutAtMark(prompt, continued);
    }

    private RenderedPrompt Render(JsonObject variables)
    {
        try
        {
            var rendered = _template.Render(variables, _tokens.Variables);
            return new(rendered.Text, [.. rendered.Literal.Select(range => new TextSpan(range.Start, range.Length))]);
        }
        catch (TemplateException error)
        {
            throw new ChatTemplateException(error);
        }
    }
}

/// <summary>The special tokens that a template can name: bos_token, eos_token and so on. One that is not here is undefined, not empty.</summary>
public sealed record ChatTemplateTokens(IReadOnlyDictionary<string, string> Variables)
{
    public static readonly ChatTemplateTokens None = new(new Dictionary<string, string>());

    /// <summary>The usual ones, null where the model has none.</summary>
    public static ChatTemplateTokens Of(string? bos, string? eos, string? pad = null, string? unknown = null)
    {
        var all = new Dictionary<string, string?> { ["bos_token"] = bos, ["eos_token"] = eos, ["pad_token"] = pad, ["unk_token"] = unknown };
        return new(all.Where(pair => pair.Value is not null).ToDictionary(pair => pair.Key, pair => pair.Value!));
    }
}
