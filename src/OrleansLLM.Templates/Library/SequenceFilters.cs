using OrleansLLM.Templates.Values;

namespace OrleansLLM.Templates.Library;

/// <summary>Filters that take sequences apart and put them together.</summary>
internal static class SequenceFilters
{
    public static Value First(Rendering rendering, Value value, Value?[] given)
    {
        using var items = value.IterateOrThrow();
        return items.MoveNext() ? items.Current : new UndefinedValue("No first item, sequence was empty.");
    }

    public static Value Last(Rendering rendering, Value value, Value?[] given) =>
        Reversed(rendering, value) is { } reversed
            ? reversed.FirstOrDefault() ?? new UndefinedValue("No last item, sequence was empty.")
            : throw TemplateError.Type($"'{value.TypeName}' object is not reversible");

    public static Value Reverse(Rendering rendering, Value value, Value?[] given)
    {
        if (value is TextValue)
        {
            return value.Slice(NoneValue.Instance, NoneValue.Instance, IntValue.Of(-1));
        }

        if (Reversed(rendering, value) is { } reversed)
        {
            return new IteratorValue(value.TypeName + "_reverseiterator", reversed.GetEnumerator());
        }

        if (value.Iterate() is null)
        {
            throw TemplateError.Value("argument must be iterable");
        }

        var items = value.ToList(rendering);
        items.Reverse();
        return new ListValue(items);
    }

    public static Value Join(Rendering rendering, Value value, Value?[] given)
    {
        var separator = given[0]?.ToText() ?? TextValue.Empty;
        var path = Access.Parts(given[1]);
        var joined = new TextBuilder();
        var first = true;
        using var items = value.IterateOrThrow();
        while (items.MoveNext())
        {
            if (!first)
            {
                joined.Append(separator);
            }

            first = false;
            var text = Access.Path(items.Current, path, null).ToText();
            rendering.Charge(1);
            joined.Append(text);
        }

        return joined.ToValue();
    }

    public static Value Items(Rendering rendering, Value value, Value?[] given) => new IteratorValue("generator", Pairs(value).GetEnumerator());

    public static Value Batch(Rendering rendering, Value value, Value?[] given)
    {
        var size = Methods.Integer(given[0], 0);
        return new IteratorValue("generator", Batches(rendering, value, size, given[1]).GetEnumerator());
    }

    public static Value Slice(Rendering rendering, Value value, Value?[] given)
    {
        var slices = Methods.Integer(given[0], 0);
        return new IteratorValue("generator", Slices(rendering, value, slices, given[1]).GetEnumerator());
    }

    /// <summary>The items from the last to the first; null for what Python can't reverse.</summary>
    private static IEnumerable<Value>? Reversed(Rendering rendering, Value value) => value switch
    {
        TextValue or SequenceValue or RangeValue or DictValue or DictViewValue => Enumerable.Reverse(value.ToList(rendering)),
        UndefinedValue undefined => throw undefined.Error(),
        _ => null,
    };

    private static IEnumerable<Value> Pairs(Value value)
    {
        if (value is UndefinedValue)
        {
            yield break;
        }

        if (value is not DictValue dict)
        {
            throw TemplateError.Type("Can only get item pairs from a mapping.");
        }

        foreach (var (key, item) in dict.Items)
        {
            yield return new TupleValue([key, item]);
        }
    }

    private static IEnumerable<Value> Batches(Rendering rendering, Value value, int size, Value? fill)
    {
        var batch = new List<Value>();
        foreach (var item in value.ToList(rendering))
        {
            if (batch.Count == size)
            {
                yield return new ListValue(batch);
                batch = [];
            }

            batch.Add(item);
        }

        if (batch.Count > 0)
        {
            Fill(rendering, batch, size, fill);
            yield return new ListValue(batch);
        }
    }

    private static void Fill(Rendering rendering, List<Value> batch, int size, Value? fill)
    {
        if (fill is null or NoneValue)
        {
            return;
        }

        rendering.Charge(Math.Max(0, size - batch.Count));
        while (batch.Count < size)
        {
            batch.Add(fill);
        }
    }

    private static IEnumerable<Value> Slices(Rendering rendering, Value value, int slices, Value? fill)
    {
        var items = value.ToList(rendering);
        if (slices == 0)
        {
            throw TemplateError.Value("integer division or modulo by zero");
        }

        var size = items.Count / Math.Max(slices, 1);
        var longer = items.Count % Math.Max(slices, 1);
        var start = 0;
        for (var index = 0; index < slices; index++)
        {
            rendering.Charge(1);
            var count = size + (index < longer ? 1 : 0);
            var slice = items.GetRange(start, count);
            start += count;
            if (index >= longer && fill is not (null or NoneValue))
            {
                slice.Add(fill);
            }

            yield return new ListValue(slice);
        }
    }
}
