using OrleansLLM.Templates.Values;

namespace OrleansLLM.Templates.Nodes;

/// <summary>Parameters and body of a macro, of a call block and of a generation block.</summary>
internal sealed class MacroBody(
    string? name, IReadOnlyList<string> parameters, IReadOnlyList<Expression> defaults, Body body, int line) : Node(line)
{
    private static readonly string[] Special = ["caller", "kwargs", "varargs"];

    private readonly Dictionary<string, Variable> _special = [];
    private Variable[] _parameters = [];
    private FunctionScope? _function;
    private ScopeEntry? _entry;

    public override IEnumerable<Node> Children => [.. defaults, body];

    /// <summary>A macro's names are its own: the scope around it sees none of them.</summary>
    public override void Collect(NameScope scope)
    {
    }

    public override void Bind(Binding binding)
    {
        var scope = binding.Scope.InnerFunction();
        _function = scope.Function;
        _parameters = [.. parameters.Select(scope.Declare)];
        foreach (var special in Special.Where(special => body.Mentions(special)))
        {
            if (!parameters.Contains(special))
            {
                _special[special] = scope.Declare(special);
            }
            else if (special == "caller" && parameters.ToList().IndexOf(special) < parameters.Count - defaults.Count)
            {
                throw Fail(TemplateError.Syntax(
                    "When defining macros or call blocks the special \"caller\" argument must be omitted or be given a default."));
            }
        }

        foreach (var child in Children)
        {
            child.Collect(scope);
        }

        _entry = scope.Entry();
        base.Bind(binding.Inner(scope) with { Loop = LoopPlace.Outside });
    }

    /// <summary>The macro as a value: it sees the variables of the frame around it as they are when it is called.</summary>
    public Value Close(Frame outer) => new MacroValue(name, parameters, _special, (rendering, values) => Run(rendering, outer, values));

    private TextValue Run(Rendering rendering, Frame outer, IReadOnlyDictionary<string, Value> values)
    {
        var frame = new Frame(_function!.SlotCount, outer);
        var output = rendering.BeginCapture();
        for (var index = 0; index < _parameters.Length; index++)
        {
            frame.Slots[_parameters[index].Slot] = values.GetValueOrDefault(parameters[index]);
        }

        foreach (var (special, variable) in _special)
        {
            frame.Slots[variable.Slot] = values[special];
        }

        _entry!.Enter(rendering, frame);
        for (var index = 0; index < _parameters.Length; index++)
        {
            var fallback = index - (parameters.Count - defaults.Count);
            frame.Slots[_parameters[index].Slot] ??= fallback >= 0
                ? defaults[fallback].Evaluate(rendering, frame)
                : new UndefinedValue($"parameter '{parameters[index]}' was not provided");
        }

        body.Execute(rendering, frame);
        return rendering.EndCapture(output);
    }
}

/// <summary>A macro that can be called.</summary>
internal sealed class MacroValue(
    string? name, IReadOnlyList<string> parameters, IReadOnlyDictionary<string, Variable> special,
    Func<Rendering, IReadOnlyDictionary<string, Value>, TextValue> run) : Value
{
    public override string TypeName => "Macro";

    public override bool IsCallable => true;

    public override Value? Attribute(string attribute) => attribute switch
    {
        "name" => name is null ? NoneValue.Instance : new TextValue(name),
        "arguments" => new TupleValue([.. parameters.Select(parameter => new TextValue(parameter))]),
        "catch_kwargs" => IntValue.Of(special.ContainsKey("kwargs")),
        "catch_varargs" => IntValue.Of(special.ContainsKey("varargs")),
        "caller" => IntValue.Of(special.ContainsKey("caller")),
        "explicit_caller" => IntValue.Of(parameters.Contains("caller")),
        _ => null,
    };

    public override Value Call(Rendering rendering, Arguments arguments)
    {
        var given = arguments.Positional.Take(parameters.Count).ToList();
        var values = parameters.Zip(given).ToDictionary(pair => pair.First, pair => pair.Second);
        var rest = arguments.Keywords.ToList();
        foreach (var parameter in parameters.Skip(given.Count))
        {
            var index = rest.FindIndex(pair => pair.Key == parameter);
            if (index >= 0)
            {
                values[parameter] = rest[index].Value;
                rest.RemoveAt(index);
            }
        }

        TakeSpecial(arguments, values, rest);
        return run(rendering, values);
    }

    private void TakeSpecial(Arguments arguments, Dictionary<string, Value> values, List<KeyValuePair<string, Value>> rest)
    {
        if (special.ContainsKey("caller"))
        {
            var index = rest.FindIndex(pair => pair.Key == "caller");
            values["caller"] = index >= 0 && rest[index].Value is not NoneValue ? rest[index].Value : new UndefinedValue("No caller defined");
            if (index >= 0)
            {
                rest.RemoveAt(index);
            }
        }

        if (special.ContainsKey("kwargs"))
        {
            var keywords = new DictValue();
            rest.ForEach(pair => keywords.Set(new TextValue(pair.Key), pair.Value));
            values["kwargs"] = keywords;
        }
        else if (rest.Count > 0)
        {
            throw TemplateError.Type($"macro '{name}' takes no keyword argument '{rest[0].Key}'");
        }

        if (special.ContainsKey("varargs"))
        {
            values["varargs"] = new TupleValue([.. arguments.Positional.Skip(parameters.Count)]);
        }
        else if (arguments.Positional.Count > parameters.Count)
        {
            throw TemplateError.Type($"macro '{name}' takes not more than {parameters.Count} argument(s)");
        }
    }

    public override void WriteRepr(TextBuilder to)
    {
        to.Append("<Macro ");
        if (name is null)
        {
            to.Append("anonymous");
        }
        else
        {
            new TextValue(name).WriteRepr(to);
        }

        to.Append('>');
    }
}

internal sealed class MacroStatement(string name, MacroBody macro, int line) : Statement(line)
{
    private VariableReference? _variable;
    private bool _exports;

    public override IEnumerable<Node> Children => [macro];

    public override void Collect(NameScope scope) => scope.Store(name);

    public override void Bind(Binding binding)
    {
        macro.Bind(binding);
        _variable = binding.Scope.Reference(name);
        _exports = binding.Level == ScopeLevel.Top;
    }

    public override Flow Execute(Rendering rendering, Frame frame)
    {
        var value = macro.Close(frame);
        _variable!.Set(frame, value);
        if (_exports)
        {
            rendering.Export(name, value);
        }

        return Flow.Next;
    }
}

/// <summary>{% call(parameters) macro(...) %}...{% endcall %}.</summary>
internal sealed class CallStatement(CallExpression call, MacroBody caller, int line) : Statement(line)
{
    public override IEnumerable<Node> Children => [call, caller];

    public override Flow Execute(Rendering rendering, Frame frame)
    {
        rendering.Print(call.Call(rendering, frame, caller.Close(frame)));
        return Flow.Next;
    }
}

/// <summary>{% generation %}...{% endgeneration %}: transformers marks what the assistant wrote; here it prints its body.</summary>
internal sealed class GenerationStatement(MacroBody body, int line) : Statement(line)
{
    public override IEnumerable<Node> Children => [body];

    public override Flow Execute(Rendering rendering, Frame frame)
    {
        rendering.Print(body.Close(frame).Call(rendering, Arguments.None));
        return Flow.Next;
    }
}

/// <summary>{% block name %}...{% endblock %}: prints its body, which sees the template's outermost variables alone.</summary>
internal sealed class BlockStatement(Body body, int line) : Statement(line)
{
    private FunctionScope? _function;
    private ScopeEntry? _entry;

    public override IEnumerable<Node> Children => [body];

    public override void Collect(NameScope scope)
    {
    }

    public override bool Mentions(string name) => false;

    public override void Bind(Binding binding)
    {
        _function = new FunctionScope(null);
        var scope = new NameScope(null, _function);
        body.Collect(scope);
        _entry = scope.Entry();
        body.Bind(binding.Inner(scope) with { Loop = LoopPlace.Outside });
    }

    public override Flow Execute(Rendering rendering, Frame frame)
    {
        var own = new Frame(_function!.SlotCount, null);
        _entry!.Enter(rendering, own);
        body.Execute(rendering, own);
        return Flow.Next;
    }
}
