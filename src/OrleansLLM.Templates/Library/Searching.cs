using OrleansLLM.Templates.Values;

namespace OrleansLLM.Templates.Library;

internal enum Direction
{
    FromLeft,
    FromRight,
}

internal enum Affix
{
    Prefix,
    Suffix,
}

/// <summary>find, index, count, startswith and endswith of str; positions are code points.</summary>
internal static class Searching
{
    /// <param name="given">What to find, and optionally the part to search: start, end.</param>
    /// <returns>The code point where it begins, or -1.</returns>
    public static int Find(TextValue text, Value?[] given, Direction direction)
    {
        var wanted = Methods.Text(given[0]!).Text;
        if (Window(text, given) is not { } window)
        {
            return -1;
        }

        Rendering.ChargeSearch(window.Length, wanted.Length);
        var part = text.Text.AsSpan(window.Start, window.Length);
        var found = direction == Direction.FromLeft ? part.IndexOf(wanted, StringComparison.Ordinal) : part.LastIndexOf(wanted, StringComparison.Ordinal);
        return found < 0 ? -1 : CodePoints.Count(text.Text.AsSpan(0, window.Start + found));
    }

    public static IntValue Index(TextValue text, Value?[] given, Direction direction)
    {
        var found = Find(text, given, direction);
        return found < 0 ? throw TemplateError.Value("substring not found") : IntValue.Of(found);
    }

    public static IntValue Count(TextValue text, Value?[] given)
    {
        var wanted = Methods.Text(given[0]!).Text;
        if (Window(text, given) is not { } window)
        {
            return IntValue.Of(0);
        }

        Rendering.ChargeSearch(window.Length, wanted.Length);
        var part = text.Text.AsSpan(window.Start, window.Length);
        return IntValue.Of(wanted.Length == 0 ? CodePoints.Count(part) + 1 : part.Count(wanted));
    }

    public static IntValue HasAffix(TextValue text, Value?[] given, Affix affix)
    {
        var affixes = given[0] is TupleValue tuple ? tuple.Items : [given[0]!];
        var window = Window(text, given);
        foreach (var wanted in affixes)
        {
            var name = affix == Affix.Prefix ? "startswith" : "endswith";
            var sought = (wanted as TextValue ?? throw TemplateError.Type(
                $"{name} first arg must be str or a tuple of str, not {wanted.TypeName}")).Text;
            if (window is { } at)
            {
                var part = text.Text.AsSpan(at.Start, at.Length);
                if (affix == Affix.Prefix ? part.StartsWith(sought, StringComparison.Ordinal) : part.EndsWith(sought, StringComparison.Ordinal))
                {
                    return IntValue.True;
                }
            }
        }

        return IntValue.False;
    }

    /// <summary>The searched part in UTF-16 units; null where start lies behind the text's end or behind end.</summary>
    private static TextRange? Window(TextValue text, Value?[] given)
    {
        var count = text.CodePointCount;
        var start = Bound(given[1], 0, count, int.MaxValue);
        var end = Bound(given[2], count, count, count);
        if (start > end)
        {
            return null;
        }

        var from = CodePoints.Offset(text, start);
        return new(from, CodePoints.Offset(text, end) - from);
    }

    private static int Bound(Value? given, int fallback, int count, int highest)
    {
        if (given is null or NoneValue)
        {
            return fallback;
        }

        var index = Methods.Integer(given, 0);
        return index < 0 ? Math.Max(0, index + count) : Math.Min(index, highest);
    }
}
