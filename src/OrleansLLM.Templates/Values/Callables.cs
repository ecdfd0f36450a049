namespace OrleansLLM.Templates.Values;

/// <summary>A function or a bound method.</summary>
internal sealed class FunctionValue(string name, string typeName, Value? self, Func<Rendering, Arguments, Value> call) : Value
{
    public override string TypeName => typeName;

    public override bool IsCallable => true;

    public override Value Call(Rendering rendering, Arguments arguments) => call(rendering, arguments);

    public bool IsSameMethod(FunctionValue other) => self is not null && ReferenceEquals(self, other.Self) && name == other.Name;

    public override void WriteRepr(TextBuilder to) => to.Append(typeName == "type"
        ? name
        : throw TemplateError.Type($"the function '{name}' has no text; call it"));

    private Value? Self => self;

    private string Name => name;
}

/// <summary>namespace(...): the one object whose attributes a template may set.</summary>
internal sealed class NamespaceValue(DictValue attributes) : Value
{
    public override string TypeName => "Namespace";

    public DictValue Attributes => attributes;

    public override Value? Attribute(string name) => attributes.Get(name);

    public void Set(string name, Value value)
    {
        RefuseUnderscore(name);
        attributes.Set(new TextValue(name), value);
    }

    public static void RefuseUnderscore(string name)
    {
        if (name.StartsWith('_'))
        {
            throw TemplateError.Type(
                $"Chat templates cannot store underscore-prefixed attributes on a namespace, but got '{name}'. Please rename the attribute.");
        }
    }

    public override void WriteRepr(TextBuilder to)
    {
        to.Append("<Namespace ");
        attributes.WriteRepr(to);
        to.Append('>');
    }
}

/// <summary>cycler(...).</summary>
internal sealed class CyclerValue(IReadOnlyList<Value> items) : Value
{
    private int _position;

    public override string TypeName => "Cycler";

    public override Value? Attribute(string name) => name switch
    {
        "current" => items[_position],
        "pos" => IntValue.Of(_position),
        "items" => new TupleValue(items),
        "next" => new FunctionValue(name, "method", this, (_, _) => Next()),
        "reset" => new FunctionValue(name, "method", this, (_, _) => Reset()),
        _ => null,
    };

    private Value Next()
    {
        var current = items[_position];
        _position = (_position + 1) % items.Count;
        return current;
    }

    private NoneValue Reset()
    {
        _position = 0;
        return NoneValue.Instance;
    }
}

/// <summary>joiner(sep): empty the first time, the separator afterwards.</summary>
internal sealed class JoinerValue(Value separator) : Value
{
    private bool _used;

    public override string TypeName => "Joiner";

    public override bool IsCallable => true;

    public override Value? Attribute(string name) => name switch
    {
        "sep" => separator,
        "used" => IntValue.Of(_used),
        _ => null,
    };

    public override Value Call(Rendering rendering, Arguments arguments)
    {
        if (_used)
        {
            return separator;
        }

        _used = true;
        return TextValue.Empty;
    }
}
