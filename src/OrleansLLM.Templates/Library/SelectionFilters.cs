using OrleansLLM.Templates.Values;

namespace OrleansLLM.Templates.Library;

internal enum Keep
{
    Passing,
    Failing,
}

/// <summary>What a selecting filter tests.</summary>
internal enum Subject
{
    Item,
    Attribute,
}

/// <summary>map, select, reject and their forms for attributes: generators, as in Jinja.</summary>
internal static class SelectionFilters
{
    public static Value Map(Rendering rendering, Value value, Arguments arguments) =>
        new IteratorValue("generator", Mapped(rendering, value, arguments).GetEnumerator());

    public static Value Select(Rendering rendering, Value value, Arguments arguments, Keep keep, Subject subject) =>
        new IteratorValue("generator", Selected(rendering, value, arguments, keep, subject).GetEnumerator());

    private static IEnumerable<Value> Mapped(Rendering rendering, Value value, Arguments arguments)
    {
        if (!value.IsTrue)
        {
            yield break;
        }

        var map = Mapping(rendering, arguments);
        using var items = value.IterateOrThrow();
        while (items.MoveNext())
        {
            rendering.Charge(1);
            yield return map(items.Current);
        }
    }

    private static Func<Value, Value> Mapping(Rendering rendering, Arguments arguments)
    {
        if (arguments.Positional.Count == 0 && arguments.Keyword("attribute") is { } attribute)
        {
            if (arguments.Keywords.FirstOrDefault(pair => pair.Key is not ("attribute" or "default")) is { Key: { } unknown })
            {
                throw TemplateError.Value($"Unexpected keyword argument '{unknown}'");
            }

            var path = Access.Parts(attribute);
            var missing = arguments.Keyword("default") is { } given and not NoneValue ? given : null;
            return item => Access.Path(item, path, missing);
        }

        if (arguments.Positional.Count == 0)
        {
            throw TemplateError.Value("map requires a filter argument");
        }

        var name = arguments.Positional[0].ToText().Text;
        var filter = Filters.Find(name) ?? throw TemplateError.Value($"No filter named '{name}'.");
        var rest = arguments.Skip(1);
        return item => filter.Apply(rendering, item, rest);
    }

    private static IEnumerable<Value> Selected(Rendering rendering, Value value, Arguments arguments, Keep keep, Subject subject)
    {
        if (!value.IsTrue)
        {
            yield break;
        }

        if (subject == Subject.Attribute && arguments.Positional.Count == 0)
        {
            throw TemplateError.Value("Missing parameter for attribute name");
        }

        var path = subject == Subject.Attribute ? Access.Parts(arguments.Positional[0]) : [];
        var test = Testing(rendering, subject == Subject.Attribute ? arguments.Skip(1) : arguments);
        using var items = value.IterateOrThrow();
        while (items.MoveNext())
        {
            rendering.Charge(1);
            if (test(Access.Path(items.Current, path, null)) == (keep == Keep.Passing))
            {
                yield return items.Current;
            }
        }
    }

    private static Func<Value, bool> Testing(Rendering rendering, Arguments arguments)
    {
        if (arguments.Positional.Count == 0)
        {
            return item => item.IsTrue;
        }

        var name = arguments.Positional[0].ToText().Text;
        var test = Tests.Find(name) ?? throw TemplateError.Value($"No test named '{name}'.");
        var rest = arguments.Skip(1);
        return item => test.Holds(rendering, item, rest);
    }
}
