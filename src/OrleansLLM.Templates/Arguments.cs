using OrleansLLM.Templates.Values;

namespace OrleansLLM.Templates;

/// <summary>What a call hands over.</summary>
internal sealed record Arguments(IReadOnlyList<Value> Positional, IReadOnlyList<KeyValuePair<string, Value>> Keywords)
{
    public static readonly Arguments None = new([], []);

    public Value? Keyword(string name)
    {
        foreach (var (key, value) in Keywords)
        {
            if (key == name)
            {
                return value;
            }
        }

        return null;
    }

    public Arguments Skip(int count) => new([.. Positional.Skip(count)], Keywords);
}

/// <summary>
/// The parameters of a filter, test, global or method, written as in a row of their tables: names in order, <c>?</c> behind an optional
/// one, <c>/</c> behind those that have no keyword.
/// </summary>
internal sealed class Signature
{
    private readonly string[] _names;
    private readonly int _required;
    private readonly int _positionalOnly;

    public Signature(string text)
    {
        var parts = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        _positionalOnly = Math.Max(0, Array.IndexOf(parts, "/"));
        parts = [.. parts.Where(part => part != "/")];
        _names = [.. parts.Select(part => part.TrimEnd('?'))];
        _required = parts.Count(part => !part.EndsWith('?'));
    }

    /// <summary>One value a parameter, null where nothing was given.</summary>
    public Value?[] Bind(string function, Arguments arguments)
    {
        if (arguments.Positional.Count > _names.Length)
        {
            throw TemplateError.Type($"{function}() takes at most {_names.Length} arguments ({arguments.Positional.Count} given)");
        }

        var bound = new Value?[_names.Length];
        for (var index = 0; index < arguments.Positional.Count; index++)
        {
            bound[index] = arguments.Positional[index];
        }

        foreach (var (name, value) in arguments.Keywords)
        {
            var index = Array.IndexOf(_names, name, _positionalOnly);
            if (index < 0)
            {
                throw TemplateError.Type($"{function}() got an unexpected keyword argument '{name}'");
            }

            if (bound[index] is not null)
            {
                throw TemplateError.Type($"{function}() got multiple values for argument '{name}'");
            }

            bound[index] = value;
        }

        for (var index = 0; index < _required; index++)
        {
            if (bound[index] is null)
            {
                throw TemplateError.Type($"{function}() missing required argument: '{_names[index]}'");
            }
        }

        return bound;
    }
}
