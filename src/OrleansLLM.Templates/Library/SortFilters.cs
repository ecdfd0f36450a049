using OrleansLLM.Templates.Values;

namespace OrleansLLM.Templates.Library;

/// <summary>Filters that order and compare: without case unless asked otherwise.</summary>
internal static class SortFilters
{
    public static Value Sort(Rendering rendering, Value value, Value?[] given)
    {
        var attributes = given[2] is TextValue names ? names.Text.Split(',').Select(name => (Value?)new TextValue(name)) : [given[2]];
        var paths = attributes.Select(Access.Parts).ToArray();
        var fold = Folding(given[1]);
        return new ListValue(Sorting.Sort(
            rendering, value.ToList(rendering), item => new ListValue([.. paths.Select(path => fold(Access.Path(item, path, null)))]), Order(given[0])));
    }

    public static Value DictSort(Rendering rendering, Value value, Value?[] given)
    {
        var by = given[1] is null ? "key" : given[1]!.ToText().Text;
        if (by is not ("key" or "value"))
        {
            throw TemplateError.Value("You can only sort by either \"key\" or \"value\"");
        }

        var items = value switch
        {
            DictValue dict => dict.Items,
            UndefinedValue undefined => throw undefined.Error(),
            _ => throw TemplateError.Type($"'{value.TypeName}' object has no attribute 'items'"),
        };
        var fold = Folding(given[0]);
        var sorted = Sorting.Sort(rendering, items, pair => fold(by == "key" ? pair.Key : pair.Value), Order(given[2]));
        return new ListValue([.. sorted.Select(pair => new TupleValue([pair.Key, pair.Value]))]);
    }

    public static Value GroupBy(Rendering rendering, Value value, Value?[] given)
    {
        var path = Access.Parts(given[0]);
        var missing = given[1] is NoneValue ? null : given[1];
        var fold = Folding(given[2]);
        var groups = new List<(Value Key, List<Value> Items)>();
        foreach (var item in Sorting.Sort(rendering, value.ToList(rendering), Key, SortOrder.Ascending))
        {
            var key = Key(item);
            if (groups.Count == 0 || !Equality.AreEqual(groups[^1].Key, key))
            {
                groups.Add((key, []));
            }

            groups[^1].Items.Add(item);
        }

        return new ListValue([.. groups.Select(group =>
            new TupleValue([Access.Path(group.Items[0], path, missing), new ListValue(group.Items)], "grouper", "list"))]);

        Value Key(Value item) => fold(Access.Path(item, path, missing));
    }

    public static Value Unique(Rendering rendering, Value value, Value?[] given)
    {
        return new IteratorValue("generator", Items().GetEnumerator());

        IEnumerable<Value> Items()
        {
            var path = Access.Parts(given[1]);
            var fold = Folding(given[0]);
            var seen = new HashSet<Value>(Equality.Comparer);
            foreach (var item in value.ToList(rendering))
            {
                if (seen.Add(fold(Access.Path(item, path, null))))
                {
                    yield return item;
                }
            }
        }
    }

    /// <summary>min and max: the first of those that are the smallest or the largest.</summary>
    public static Value Extreme(Rendering rendering, Value value, Value?[] given, string better)
    {
        var path = Access.Parts(given[1]);
        var fold = Folding(given[0]);
        Value? best = null;
        Value? bestKey = null;
        foreach (var item in value.ToList(rendering))
        {
            var key = fold(Access.Path(item, path, null));
            if (bestKey is null || Equality.Less(key, bestKey, better))
            {
                (best, bestKey) = (item, key);
            }
        }

        return best ?? new UndefinedValue("No aggregated item, sequence was empty.");
    }

    private static SortOrder Order(Value? reverse) => Methods.IsTrue(reverse) ? SortOrder.Descending : SortOrder.Ascending;

    private static Func<Value, Value> Folding(Value? caseSensitive) => Methods.IsTrue(caseSensitive)
        ? value => value
        : value => value is TextValue text ? Casing.ToLower(text) : value;
}
