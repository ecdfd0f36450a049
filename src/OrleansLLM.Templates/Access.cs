using OrleansLLM.Templates.Values;

namespace OrleansLLM.Templates;

/// <summary>value.name and value[key] as Jinja's sandbox has them: one falls back on the other, and what is missing is undefined.</summary>
internal static class Access
{
    public static Value Attribute(Value value, string name) =>
        Python(value, name) ?? value.Item(new TextValue(name)) ?? UndefinedValue.Attribute(value, name);

    public static Value Item(Value value, Value key) =>
        value.Item(key) ?? (key is TextValue name ? Python(value, name.Text) : null) ?? UndefinedValue.Item(value, key);

    /// <summary>getattr alone, without the fall back; null where there is no such attribute.</summary>
    public static Value? Python(Value value, string name) =>
        value.Attribute(name) is { } found ? name.StartsWith('_') ? UndefinedValue.Unsafe(value, name) : found : null;

    /// <summary>The value at a path such as `function.name` or `k.0`.</summary>
    public static Value Path(Value value, IReadOnlyList<Value> path, Value? missing)
    {
        foreach (var part in path)
        {
            value = Item(value, part);
            if (missing is not null && value is UndefinedValue)
            {
                value = missing;
            }
        }

        return value;
    }

    /// <summary>The parts of an attribute that a filter was given: a string with points, or a number.</summary>
    public static IReadOnlyList<Value> Parts(Value? attribute) => attribute switch
    {
        null or NoneValue => [],
        TextValue text => [.. text.Text.Split('.').Select(part => part.Length > 0 && part.All(char.IsAsciiDigit)
            ? (Value)IntValue.Of(System.Numerics.BigInteger.Parse(part, System.Globalization.CultureInfo.InvariantCulture))
            : new TextValue(part))],
        _ => [attribute],
    };
}
