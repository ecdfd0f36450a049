using System.Runtime.CompilerServices;
using OrleansLLM.Templates.Values;
using static System.FormattableString;

namespace OrleansLLM.Templates;

/// <summary>
/// One rendering: variables, output and what it has used of its bounds. One thread, thrown away afterwards.
/// Promises: a bound of steps bounds time and memory together, since every evaluated node costs a step, and whatever is made, searched,
/// compared or walked costs steps by its size; calls nest at most <see cref="MaxDepth"/> deep.
/// </summary>
internal sealed class Rendering(TimeProvider clock, long maxSteps)
{
    /// <summary>About a second at worst; the longest of 2,100 published renderings takes some ten thousand.</summary>
    public const long MaxSteps = 4_000_000;

    /// <summary>Characters of one string, and so of the output.</summary>
    public const int MaxText = 1 << 24;

    /// <summary>Python's own limit ends macros that call themselves at about this depth.</summary>
    public const int MaxDepth = 190;

    /// <summary>Characters that are read or written in a step.</summary>
    public const int CharactersPerStep = 16;

    /// <summary>Comparisons of a search that a step stands for.</summary>
    private const int ComparisonsPerStep = 1024;

    private const int StepsPerCall = 4;

    [ThreadStatic]
    private static Rendering? _current;

    private readonly Dictionary<string, Value> _exported = [];
    private long _steps;
    private int _depth;

    /// <summary>The rendering of this thread, for what compares and hashes values and is handed nothing else.</summary>
    public static Rendering? Current => _current;

    /// <summary>What the template was given: special tokens and the request's variables.</summary>
    public Dictionary<string, Value> Variables { get; } = [];

    public TextBuilder Output { get; private set; } = new();

    /// <summary>The line of the node that is evaluated, for errors.</summary>
    public int Line { get; set; } = 1;

    public DateTimeOffset LocalNow => clock.GetLocalNow();

    /// <summary>What the block whose filters run now has printed.</summary>
    public TextValue Captured { get; set; } = TextValue.Empty;

    /// <summary>A variable that no scope of the template defines.</summary>
    public Value? Resolve(string name) =>
        _exported.GetValueOrDefault(name) ?? Variables.GetValueOrDefault(name) ?? Library.Globals.Find(name);

    /// <summary>What a template sets outside of all blocks is seen in them.</summary>
    public void Export(string name, Value value) => _exported[name] = value;

    /// <summary>Runs the template on this thread.</summary>
    public RenderedText Run(Action render)
    {
        _current = this;
        try
        {
            render();
            return Output.ToRendered();
        }
        finally
        {
            _current = null;
        }
    }

    public void Step(int line)
    {
        Line = line;
        Charge(1);
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack())
        {
            throw TemplateError.Limit("maximum recursion depth exceeded");
        }
    }

    public void Charge(long steps)
    {
        _steps += steps;
        if (_steps > maxSteps)
        {
            throw TemplateError.Limit(Invariant($"rendering took more than {maxSteps} steps; shorten the messages or the template's loops"));
        }
    }

    /// <summary>Asked before text of this many characters is made or read.</summary>
    public void ChargeText(long characters)
    {
        if (characters > MaxText)
        {
            throw TemplateError.Limit($"a text of more than {MaxText} characters");
        }

        Charge(characters / CharactersPerStep);
    }

    /// <summary>Asked before a text is searched: at worst what is sought is compared with it at each of its places.</summary>
    public static void ChargeSearch(int text, int sought) =>
        _current?.Charge((text / CharactersPerStep) + ((long)text * sought / ComparisonsPerStep));

    /// <summary>Begins a call.</summary>
    public Scope Enter()
    {
        Charge(StepsPerCall);
        if (++_depth > MaxDepth)
        {
            throw TemplateError.Limit("maximum recursion depth exceeded");
        }

        return new(this);
    }

    /// <summary>Prints a value.</summary>
    public void Print(Value value) => value.Write(Output);

    /// <summary>Prints the template's own text.</summary>
    public void Print(string text) => Output.Append(text);

    /// <summary>Collects what is printed until <see cref="EndCapture"/> gets the former output back.</summary>
    public TextBuilder BeginCapture()
    {
        var outer = Output;
        Output = new();
        return outer;
    }

    public TextValue EndCapture(TextBuilder outer)
    {
        var captured = Output.ToValue();
        Output = outer;
        ChargeText(captured.Text.Length);
        return captured;
    }

    /// <summary>A call that is under way.</summary>
    public readonly struct Scope(Rendering rendering) : IDisposable
    {
        public void Dispose() => rendering._depth--;
    }
}

/// <summary>The variables of one activation of the template, a macro or a recursive loop; null is "not assigned".</summary>
internal sealed class Frame(int slots, Frame? parent)
{
    public Value?[] Slots { get; } = new Value?[slots];

    public Frame? Parent => parent;
}
