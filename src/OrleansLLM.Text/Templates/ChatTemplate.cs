using System.Text.Json.Nodes;
using OrleansLLM.Text.Templates.Nodes;
using OrleansLLM.Text.Templates.Syntax;
using OrleansLLM.Text.Templates.Values;

namespace OrleansLLM.Text.Templates;

/// <summary>
/// A chat template in Jinja, as transformers renders it (Jinja2 3.1's immutable sandbox, values as in Python). Immutable and thread-safe.
/// The template writes the beginning-of-sequence token itself where its model wants one: encode what it renders with
/// <see cref="AddedTokens.None"/>, so that there is one and not two.
/// </summary>
public sealed class ChatTemplate : IChatTemplate
{
    private readonly Body _body;
    private readonly FunctionScope _function = new(null);
    private readonly ScopeEntry _entry;
    private readonly ChatTemplateTokens _tokens;
    private readonly TimeProvider _clock;

    private ChatTemplate(Body body, ChatTemplateTokens tokens, TimeProvider clock)
    {
        (_body, _tokens, _clock) = (body, tokens, clock);
        var scope = new NameScope(null, _function);
        body.Collect(scope);
        _entry = scope.Entry();
        body.Bind(new Binding(scope, ScopeLevel.Top, NameChecking.AtOnce, LoopPlace.Outside));
    }

    /// <param name="source">The template's text.</param>
    /// <param name="tokens">The special tokens that the template may name.</param>
    /// <param name="clock">What strftime_now shows; the machine's clock where it is null.</param>
    /// <exception cref="ChatTemplateException">The template has an error, or uses something by name that is not built.</exception>
    public static ChatTemplate Compile(string source, ChatTemplateTokens tokens, TimeProvider? clock = null)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(tokens);
        try
        {
            return new(TemplateParser.Parse(source), tokens, clock ?? TimeProvider.System);
        }
        catch (TemplateError error)
        {
            throw new ChatTemplateException(error.Failure, error.Message, 1);
        }
    }

    /// <inheritdoc/>
    public RenderedPrompt Render(ChatInput input)
    {
        ArgumentNullException.ThrowIfNull(input);
        if (input.Messages.Count == 0)
        {
            throw new ChatTemplateException(ChatTemplateFailure.Refused, "messages must hold at least one message", 0);
        }

        if (input is { ContinueFinalMessage: true, AddGenerationPrompt: true })
        {
            throw new ChatTemplateException(
                ChatTemplateFailure.Refused, "continue_final_message and add_generation_prompt exclude each other; set one of them to false", 0);
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

    /// <summary>Renders with these variables and the special tokens as they are, without preparing the messages.</summary>
    /// <exception cref="ChatTemplateException">The template refused the messages, or a bound was reached.</exception>
    public RenderedPrompt Render(JsonObject variables)
    {
        ArgumentNullException.ThrowIfNull(variables);
        return Render(variables, Rendering.MaxSteps);
    }

    /// <summary>Renders within so many steps, see <see cref="Rendering"/>.</summary>
    internal RenderedPrompt Render(JsonObject variables, long maxSteps)
    {
        var rendering = new Rendering(_clock, maxSteps);
        try
        {
            return rendering.Run(() => Execute(rendering, variables));
        }
        catch (TemplateError error)
        {
            throw new ChatTemplateException(error.Failure, error.Message, rendering.Line);
        }
    }

    private void Execute(Rendering rendering, JsonObject variables)
    {
        foreach (var (name, token) in _tokens.Variables)
        {
            rendering.Variables[name] = new TextValue(token);
        }

        foreach (var (name, value) in variables)
        {
            rendering.Variables[name] = name == "messages" ? InputReader.ReadMessages(value) : InputReader.Read(value);
        }

        var frame = new Frame(_function.SlotCount, null);
        _entry.Enter(rendering, frame);
        _body.Execute(rendering, frame);
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
