using System.Text.Json.Nodes;
using OrleansLLM.Templates.Nodes;
using OrleansLLM.Templates.Syntax;
using OrleansLLM.Templates.Values;

namespace OrleansLLM.Templates;

/// <summary>
/// A template in Jinja, as transformers renders chat templates (Jinja2 3.1's immutable sandbox, values as in Python). Compiled once,
/// immutable and thread-safe; rendering is bounded in time and output.
/// </summary>
public sealed class Template
{
    private static readonly Dictionary<string, string> NoTexts = [];

    private readonly Body _body;
    private readonly FunctionScope _function = new(null);
    private readonly ScopeEntry _entry;
    private readonly TimeProvider _clock;

    private Template(Body body, TimeProvider clock)
    {
        (_body, _clock) = (body, clock);
        var scope = new NameScope(null, _function);
        body.Collect(scope);
        _entry = scope.Entry();
        body.Bind(new Binding(scope, ScopeLevel.Top, NameChecking.AtOnce, LoopPlace.Outside));
    }

    /// <param name="source">The template's text.</param>
    /// <param name="clock">What strftime_now shows; the machine's clock where it is null.</param>
    /// <exception cref="TemplateException">The template has an error, or uses something by name that is not built.</exception>
    public static Template Compile(string source, TimeProvider? clock = null)
    {
        ArgumentNullException.ThrowIfNull(source);
        try
        {
            return new(TemplateParser.Parse(source), clock ?? TimeProvider.System);
        }
        catch (TemplateError error)
        {
            throw new TemplateException(error.Failure, error.Message, 1);
        }
    }

    /// <param name="variables">
    /// What comes from outside: its texts are marked in the result. The roles that the protocol names are not, in what <c>messages</c> holds.
    /// </param>
    /// <param name="texts">Variables whose texts count as the template's own, such as special tokens.</param>
    /// <exception cref="TemplateException">The template refused the variables, or a bound was reached.</exception>
    public RenderedText Render(JsonObject variables, IReadOnlyDictionary<string, string>? texts = null)
    {
        ArgumentNullException.ThrowIfNull(variables);
        return Render(variables, texts ?? NoTexts, Rendering.MaxSteps);
    }

    /// <summary>Renders within so many steps, see <see cref="Rendering"/>.</summary>
    internal RenderedText Render(JsonObject variables, IReadOnlyDictionary<string, string> texts, long maxSteps)
    {
        var rendering = new Rendering(_clock, maxSteps);
        try
        {
            return rendering.Run(() => Execute(rendering, variables, texts));
        }
        catch (TemplateError error)
        {
            throw new TemplateException(error.Failure, error.Message, rendering.Line);
        }
    }

    private void Execute(Rendering rendering, JsonObject variables, IReadOnlyDictionary<string, string> texts)
    {
        foreach (var (name, text) in texts)
        {
            rendering.Variables[name] = new TextValue(text);
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

/// <summary>A rendered text, with the ranges of it that came from outside and not from the template: ascending, apart, none empty.</summary>
public sealed record RenderedText(string Text, IReadOnlyList<TextRange> Literal);

/// <summary>[Start, Start + Length) of a string, in UTF-16 units.</summary>
public readonly record struct TextRange(int Start, int Length)
{
    public int End => Start + Length;
}
