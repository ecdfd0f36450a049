namespace OrleansLLM.Templates.Values;

/// <summary>dict: keys in the order in which they came.</summary>
internal sealed class DictValue : Value
{
    private readonly OrderedDictionary<Value, Value> _items = new(Equality.Comparer);

    public override string TypeName => "dict";

    public override bool IsTrue => _items.Count > 0;

    public override int? Length => _items.Count;

    public OrderedDictionary<Value, Value> Items => _items;

    /// <summary>Only whoever builds a dict calls this; a key that is there already keeps its place and its first form.</summary>
    public void Set(Value key, Value value)
    {
        var index = _items.IndexOf(key);
        if (index >= 0)
        {
            _items.SetAt(index, value);
        }
        else
        {
            _items.Add(key, value);
        }
    }

    public Value? Get(string key) => _items.GetValueOrDefault(new TextValue(key));

    public override IEnumerator<Value>? Iterate() => _items.Keys.GetEnumerator();

    public override Value? Item(Value key) =>
        Equality.IsHashable(key) && _items.TryGetValue(key, out var value) ? value : null;

    public override bool Contains(Value item) => _items.ContainsKey(item);

    public override Value? Attribute(string name) => Library.Methods.Bind(Library.CollectionMethods.Dict, this, name);

    public override void WriteRepr(TextBuilder to)
    {
        GuardStack();
        to.Append('{');
        var first = true;
        foreach (var (key, value) in _items)
        {
            if (!first)
            {
                to.Append(", ");
            }

            first = false;
            key.WriteRepr(to);
            to.Append(": ");
            value.WriteRepr(to);
        }

        to.Append('}');
    }
}

/// <summary>keys(), values() and items() of a dict.</summary>
internal sealed class DictViewValue(DictValue dict, DictViewKind kind) : Value
{
    public override string TypeName => kind switch
    {
        DictViewKind.Keys => "dict_keys",
        DictViewKind.Values => "dict_values",
        _ => "dict_items",
    };

    public override bool IsTrue => dict.IsTrue;

    public override int? Length => dict.Length;

    public DictViewKind Kind => kind;

    public override IEnumerator<Value>? Iterate()
    {
        foreach (var (key, value) in dict.Items)
        {
            yield return kind switch
            {
                DictViewKind.Keys => key,
                DictViewKind.Values => value,
                _ => new TupleValue([key, value]),
            };
        }
    }

    public override void WriteRepr(TextBuilder to)
    {
        to.Append(TypeName + "(");
        new ListValue([.. Enumerate()]).WriteRepr(to);
        to.Append(')');
    }

    public IEnumerable<Value> Enumerate()
    {
        using var items = Iterate()!;
        while (items.MoveNext())
        {
            yield return items.Current;
        }
    }
}

internal enum DictViewKind
{
    Keys,
    Values,
    Items,
}
