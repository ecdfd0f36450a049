using System.Collections.Frozen;
using OrleansLLM.Templates.Values;

namespace OrleansLLM.Templates.Library;

/// <summary>A test (`value is name`): one row. To add one, add the row.</summary>
/// <param name="Signature">The parameters behind the value.</param>
internal sealed record Test(string Name, string Signature, Func<Value, Value?[], bool> Call)
{
    private readonly Signature _signature = new(Signature);

    public bool Holds(Rendering rendering, Value value, Arguments arguments)
    {
        rendering.Charge(1 + ((value as TextValue)?.Text.Length ?? 0) / Rendering.CharactersPerStep);
        return Call(value, _signature.Bind(Name, arguments));
    }
}

/// <summary>Jinja's tests.</summary>
internal static class Tests
{
    private static readonly FrozenDictionary<string, Test> Rows = ((Test[])
    [
        new("boolean", "", (value, _) => value is IntValue { IsBoolean: true }),
        new("callable", "", (value, _) => value.IsCallable),
        new("defined", "", (value, _) => value is not UndefinedValue),
        new("divisibleby", "num", (value, given) => IsMultiple(value, given[0]!)),
        new("escaped", "", (value, _) => value is TextValue { IsMarkup: true }),
        new("even", "", (value, _) => IsMultiple(value, IntValue.Of(2))),
        new("false", "", (value, _) => value == IntValue.False),
        new("filter", "", (value, _) => Name(value) is { } name && Filters.Knows(name)),
        new("float", "", (value, _) => value is FloatValue),
        new("in", "seq", (value, given) => given[0]!.Contains(value)),
        new("integer", "", (value, _) => value is IntValue { IsBoolean: false }),
        new("iterable", "", (value, _) => value.Iterate() is not null),
        new("lower", "", (value, _) => TextMethods.IsCaseOnly(value.ToText().Text, Casing.IsLower)),
        new("mapping", "", (value, _) => value is DictValue),
        new("none", "", (value, _) => value is NoneValue),
        new("number", "", (value, _) => value is IntValue or FloatValue),
        new("odd", "", (value, _) => Remainder(value, IntValue.Of(2)) is { } rest && Equality.AreEqual(rest, IntValue.Of(1))),
        new("sameas", "other", (value, given) => IsSame(value, given[0]!)),
        new("sequence", "", (value, _) => value is TextValue or SequenceValue or DictValue or RangeValue or UndefinedValue),
        new("string", "", (value, _) => value is TextValue),
        new("test", "", (value, _) => Name(value) is { } name && Rows!.ContainsKey(name)),
        new("true", "", (value, _) => value == IntValue.True),
        new("undefined", "", (value, _) => value is UndefinedValue),
        new("upper", "", (value, _) => TextMethods.IsCaseOnly(value.ToText().Text, Casing.IsUpper)),
        .. Comparisons((left, right) => Equality.AreEqual(left, right), "==", "eq", "equalto"),
        .. Comparisons((left, right) => !Equality.AreEqual(left, right), "!=", "ne"),
        .. Comparisons((left, right) => Equality.Less(left, right, ">"), ">", "gt", "greaterthan"),
        .. Comparisons((left, right) => Equality.Less(left, right, ">="), ">=", "ge"),
        .. Comparisons((left, right) => Equality.Less(left, right, "<"), "<", "lt", "lessthan"),
        .. Comparisons((left, right) => Equality.Less(left, right, "<="), "<=", "le"),
    ]).ToFrozenDictionary(row => row.Name);

    public static IReadOnlyCollection<string> Names => Rows.Keys;

    /// <summary>The test, or null for a name that Jinja does not know.</summary>
    public static Test? Find(string name) => Rows.GetValueOrDefault(name);

    /// <summary>What may be the name of a row, or null.</summary>
    private static string? Name(Value value) => Equality.IsHashable(value)
        ? (value as TextValue)?.Text
        : throw TemplateError.Type($"unhashable type: '{value.TypeName}'");

    private static IEnumerable<Test> Comparisons(Func<Value, Value, bool> holds, params string[] names) =>
        names.Select(name => new Test(name, "other /", (value, given) => holds(value, given[0]!)));

    private static bool IsMultiple(Value value, Value of) => Remainder(value, of) is { IsTrue: false };

    private static Value? Remainder(Value value, Value of) => (value, of) switch
    {
        (UndefinedValue undefined, _) => throw undefined.Error(),
        (_, UndefinedValue undefined) => throw undefined.Error(),
        (IntValue or FloatValue, IntValue or FloatValue) => Operators.Apply(null!, "%", value, of),
        (TextValue, _) => throw TemplateError.Type("not all arguments converted during string formatting"),
        _ => throw TemplateError.Type($"unsupported operand type(s) for %: '{value.TypeName}' and '{of.TypeName}'"),
    };

    /// <summary>Python's `is`: the same object; none, booleans and small integers are one object each.</summary>
    private static bool IsSame(Value left, Value right) => ReferenceEquals(left, right)
        || (left, right) is (IntValue { IsBoolean: false } a, IntValue { IsBoolean: false } b) && a.Number == b.Number && a.Number >= -5 && a.Number <= 256;
}
