using System.Collections.Frozen;
using OrleansLLM.Templates.Values;

namespace OrleansLLM.Templates.Library;

/// <summary>The methods of list, tuple, range and dict.</summary>
internal static class CollectionMethods
{
    public static FrozenDictionary<string, Method> List { get; } = Methods.Table(
    [
        new("index", "value start? stop? /", Index),
        new("count", "value /", Count),
        new("copy", "", (_, self, _) => self),
        .. new[] { "append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove" }.Select(Method.Forbidden),
    ]);

    public static FrozenDictionary<string, Method> Tuple { get; } = Methods.Table(
        new("index", "value start? stop? /", Index),
        new("count", "value /", Count));

    public static FrozenDictionary<string, Method> Range { get; } = Methods.Table(
        new("index", "value /", Index),
        new("count", "value /", Count));

    public static FrozenDictionary<string, Method> Dict { get; } = Methods.Table(
    [
        new("get", "key default? /", (_, self, given) => Get((DictValue)self, given[0]!) ?? given[1] ?? NoneValue.Instance),
        new("keys", "", (_, self, _) => new DictViewValue((DictValue)self, DictViewKind.Keys)),
        new("values", "", (_, self, _) => new DictViewValue((DictValue)self, DictViewKind.Values)),
        new("items", "", (_, self, _) => new DictViewValue((DictValue)self, DictViewKind.Items)),
        new("copy", "", (_, self, _) => self),
        new("fromkeys", "iterable value? /", FromKeys),
        .. new[] { "clear", "pop", "popitem", "setdefault", "update" }.Select(Method.Forbidden),
    ]);

    private static Value? Get(DictValue dict, Value key) =>
        dict.Items.TryGetValue(key, out var value) ? value : null;

    private static DictValue FromKeys(Rendering rendering, Value self, Value?[] given)
    {
        var dict = new DictValue();
        foreach (var key in given[0]!.ToList(rendering))
        {
            dict.Set(key, given[1] ?? NoneValue.Instance);
        }

        return dict;
    }

    private static IntValue Count(Rendering rendering, Value self, Value?[] given) =>
        IntValue.Of(self.ToList(rendering).Count(item => Equality.AreEqual(item, given[0]!)));

    private static IntValue Index(Rendering rendering, Value self, Value?[] given)
    {
        var items = self.ToList(rendering);
        var range = SliceRange.Of(
            given.ElementAtOrDefault(1) ?? NoneValue.Instance, given.ElementAtOrDefault(2) ?? NoneValue.Instance, NoneValue.Instance, items.Count);
        for (var at = range.Start; at < range.Start + range.Count; at++)
        {
            if (Equality.AreEqual(items[at], given[0]!))
            {
                return IntValue.Of(at);
            }
        }

        throw TemplateError.Value("the value is not in the list");
    }
}
