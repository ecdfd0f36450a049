using System.Numerics;

namespace OrleansLLM.Templates.Values;

/// <summary>Python's ==, hash and ordering.</summary>
internal static class Equality
{
    public static IEqualityComparer<Value> Comparer { get; } = new ValueComparer();

    public static bool AreEqual(Value left, Value right)
    {
        Value.GuardStack();
        return (left, right) switch
        {
            _ when ReferenceEquals(left, right) => left is not FloatValue { Number: double.NaN },
            (TextValue a, TextValue b) => a.Text.Length == b.Text.Length && TextsEqual(a.Text, b.Text),
            (IntValue a, IntValue b) => a.Number == b.Number,
            (FloatValue a, FloatValue b) => a.Number == b.Number,
            (IntValue a, FloatValue b) => Compare(a.Number, b.Number) == 0,
            (FloatValue a, IntValue b) => Compare(b.Number, a.Number) == 0,
            (ListValue a, ListValue b) => ItemsEqual(a, b),
            (TupleValue a, TupleValue b) => ItemsEqual(a, b),
            (DictValue a, DictValue b) => DictsEqual(a, b),
            (RangeValue a, RangeValue b) => RangesEqual(a, b),
            (DictViewValue a, DictViewValue b) => ViewsEqual(a, b),
            (UndefinedValue, UndefinedValue) => true,
            (FunctionValue a, FunctionValue b) => a.IsSameMethod(b),
            _ => false,
        };
    }

    /// <summary>Negative, zero or positive, null where one is not a number.</summary>
    /// <exception cref="TemplateError">The two have no order.</exception>
    public static bool Less(Value left, Value right, string operation)
    {
        Value.GuardStack();
        return (left, right) switch
        {
            (UndefinedValue undefined, _) => throw undefined.Error(),
            (_, UndefinedValue undefined) => throw undefined.Error(),
            (TextValue a, TextValue b) => Holds(CompareText(a.Text, b.Text), operation),
            (IntValue a, IntValue b) => Holds(a.Number.CompareTo(b.Number), operation),
            (FloatValue a, FloatValue b) => HoldsFloat(a.Number, b.Number, operation),
            (IntValue a, FloatValue b) => !double.IsNaN(b.Number) && Holds(Compare(a.Number, b.Number), operation),
            (FloatValue a, IntValue b) => !double.IsNaN(a.Number) && Holds(-Compare(b.Number, a.Number), operation),
            (ListValue a, ListValue b) => SequenceHolds(a, b, operation),
            (TupleValue a, TupleValue b) => SequenceHolds(a, b, operation),
            _ => throw TemplateError.Type(
                $"'{operation}' not supported between instances of '{left.TypeName}' and '{right.TypeName}'"),
        };
    }

    public static bool IsHashable(Value value)
    {
        Value.GuardStack();
        return value switch
        {
            ListValue or DictValue or DictViewValue { Kind: not DictViewKind.Values } => false,
            TupleValue tuple => tuple.Items.All(IsHashable),
            _ => true,
        };
    }

    /// <summary>By code point, as Python orders strings.</summary>
    public static int CompareText(string left, string right)
    {
        Rendering.Current?.ChargeText(Math.Min(left.Length, right.Length));
        for (var at = 0; at < left.Length && at < right.Length; at++)
        {
            if (left[at] != right[at])
            {
                return Rank(left[at]) - Rank(right[at]);
            }
        }

        return left.Length - right.Length;

        // Surrogates stand for code points above all others.
        static int Rank(char unit) => char.IsSurrogate(unit) ? unit + 0x10000 : unit;
    }

    private static int Compare(BigInteger number, double other)
    {
        if (double.IsInfinity(other))
        {
            return other > 0 ? -1 : 1;
        }

        if (double.IsNaN(other))
        {
            return 1;
        }

        var whole = Math.Floor(other);
        var compared = number.CompareTo(new BigInteger(whole));
        return compared == 0 && other > whole ? -1 : compared;
    }

    private static bool Holds(int compared, string operation) => operation switch
    {
        "<" => compared < 0,
        "<=" => compared <= 0,
        ">" => compared > 0,
        _ => compared >= 0,
    };

    private static bool HoldsFloat(double left, double right, string operation) => operation switch
    {
        "<" => left < right,
        "<=" => left <= right,
        ">" => left > right,
        _ => left >= right,
    };

    private static bool SequenceHolds(SequenceValue left, SequenceValue right, string operation)
    {
        for (var index = 0; index < left.Items.Count && index < right.Items.Count; index++)
        {
            if (!AreEqual(left.Items[index], right.Items[index]))
            {
                return Less(left.Items[index], right.Items[index], operation);
            }
        }

        return Holds(left.Items.Count - right.Items.Count, operation);
    }

    private static bool TextsEqual(string left, string right)
    {
        Rendering.Current?.ChargeText(left.Length);
        return left == right;
    }

    private static bool ItemsEqual(SequenceValue left, SequenceValue right)
    {
        if (left.Items.Count != right.Items.Count)
        {
            return false;
        }

        for (var index = 0; index < left.Items.Count; index++)
        {
            if (!AreEqual(left.Items[index], right.Items[index]))
            {
                return false;
            }
        }

        return true;
    }

    private static bool DictsEqual(DictValue left, DictValue right) =>
        left.Items.Count == right.Items.Count
        && left.Items.All(pair => right.Items.TryGetValue(pair.Key, out var other) && AreEqual(pair.Value, other));

    private static bool RangesEqual(RangeValue left, RangeValue right) =>
        left.Length == right.Length
        && Enumerable.Range(0, Math.Min(2, left.Length!.Value)).All(index => AreEqual(left.At(index), right.At(index)));

    private static bool ViewsEqual(DictViewValue left, DictViewValue right) =>
        left.Kind == right.Kind && left.Kind != DictViewKind.Values && left.Length == right.Length
        && left.Enumerate().All(right.Contains);

    private sealed class ValueComparer : IEqualityComparer<Value>
    {
        public bool Equals(Value? left, Value? right) => AreEqual(left!, right!);

        public int GetHashCode(Value value)
        {
            Value.GuardStack();
            Rendering.Current?.ChargeText((value as TextValue)?.Text.Length ?? 0);
            return value switch
            {
                TextValue text => text.Text.GetHashCode(StringComparison.Ordinal),
                IntValue number => number.Number.GetHashCode(),
                FloatValue { Number: var number } => double.IsFinite(number) && Math.Floor(number) == number
                    ? new BigInteger(number).GetHashCode()
                    : number.GetHashCode(),
                TupleValue tuple => tuple.Items.Aggregate(7, (hash, item) => HashCode.Combine(hash, GetHashCode(item))),
                NoneValue => 1,
                UndefinedValue => 2,
                RangeValue range => range.Length!.Value,
                FunctionValue => 3,
                _ when !IsHashable(value) => throw TemplateError.Type($"unhashable type: '{value.TypeName}'"),
                _ => System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(value),
            };
        }
    }
}
