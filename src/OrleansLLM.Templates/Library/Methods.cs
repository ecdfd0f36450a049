using System.Collections.Frozen;
using OrleansLLM.Templates.Values;

namespace OrleansLLM.Templates.Library;

/// <summary>A method of a Python type: one row of a table. To add one, write the function and its row.</summary>
/// <param name="Signature">As <see cref="Templates.Signature"/> reads it; null where the function takes the arguments as they are.</param>
internal sealed record Method(string Name, string? Signature, Func<Rendering, Value, Value?[], Value> Call)
{
    private readonly Signature? _signature = Signature is null ? null : new(Signature);

    /// <summary>For a method that takes any arguments.</summary>
    public Func<Rendering, Value, Arguments, Value>? Raw { get; init; }

    public bool IsBuilt { get; private init; } = true;

    /// <summary>A method that the reference forbids because it changes its object.</summary>
    public static Method Forbidden(string name) => new(name, null, (_, _, _) => NoneValue.Instance);

    /// <summary>The method of one object, or null where the sandbox hides it.</summary>
    public FunctionValue? Of(Value self) => Raw is null && _signature is null
        ? null
        : new FunctionValue(Name, "builtin_function_or_method", self, (rendering, arguments) =>
        {
            rendering.ChargeText((self as TextValue)?.Text.Length ?? 0);
            return Raw is { } raw ? raw(rendering, self, arguments) : Call(rendering, self, _signature!.Bind(Name, arguments));
        });

    /// <summary>A method that Python has, and that is refused when it is called.</summary>
    public static Method NotBuilt(string type, string name) => new(name, null, (_, _, _) => NoneValue.Instance)
    {
        Raw = (_, _, _) => throw TemplateError.NotBuilt($"method '{type}.{name}'"),
        IsBuilt = false,
    };
}

internal static class Methods
{
    public static FrozenDictionary<string, Method> Table(params Method[] rows) => rows.ToFrozenDictionary(row => row.Name);

    /// <summary>Python's getattr for a method: bound, hidden by the sandbox, or null.</summary>
    public static Value? Bind(FrozenDictionary<string, Method> table, Value self, string name) =>
        table.TryGetValue(name, out var method) ? method.Of(self) ?? (Value)UndefinedValue.Unsafe(self, name) : null;

    /// <summary>A whole number that a call handed over, clamped to int's range.</summary>
    public static int Integer(Value? value, int fallback) => value switch
    {
        null => fallback,
        IntValue number => number.Clamp(),
        UndefinedValue undefined => throw undefined.Error(),
        _ => throw TemplateError.Type($"'{value.TypeName}' object cannot be interpreted as an integer"),
    };

    public static TextValue Text(Value value) => value as TextValue
        ?? throw TemplateError.Type($"must be str, not {value.TypeName}");

    public static bool IsTrue(Value? value) => value is { IsTrue: true };
}
