using System.Text;
using OrleansLLM.Templates.Values;
using static System.FormattableString;

namespace OrleansLLM.Templates.Library;

[Flags]
internal enum StripEnds
{
    Left = 1,
    Right = 2,
    Both = Left | Right,
}

internal enum Alignment
{
    Left,
    Right,
    Center,
}

/// <summary>What methods and filters on strings share.</summary>
internal static class TextOperations
{
    /// <param name="characters">The set of characters to take off; null or none: white space.</param>
    public static TextValue Strip(TextValue text, Value? characters, StripEnds ends)
    {
        var set = characters switch
        {
            null or NoneValue => null,
            TextValue given => given.Text.EnumerateRunes().ToHashSet(),
            _ => throw TemplateError.Type($"strip arg must be None or str, not {characters.TypeName}"),
        };
        var start = 0;
        var end = text.Text.Length;
        while (ends.HasFlag(StripEnds.Left) && start < end && IsStripped(text.Text, start, set))
        {
            start += CodePoints.WidthAt(text.Text, start);
        }

        while (ends.HasFlag(StripEnds.Right) && end > start)
        {
            var width = end - start > 1 && char.IsLowSurrogate(text.Text[end - 1]) && char.IsHighSurrogate(text.Text[end - 2]) ? 2 : 1;
            if (!IsStripped(text.Text, end - width, set))
            {
                break;
            }

            end -= width;
        }

        return text.Part(start, end - start);
    }

    public static TextValue Replace(Rendering rendering, TextValue text, TextValue old, TextValue replacement, int count)
    {
        Rendering.ChargeSearch(text.Text.Length, old.Text.Length);
        var replaced = new TextBuilder();
        var at = 0;
        for (var done = 0; done != count; done++)
        {
            var found = old.Text.Length == 0 ? NextGap(text.Text, at, done) : text.Text.IndexOf(old.Text, at, StringComparison.Ordinal);
            if (found < 0)
            {
                break;
            }

            rendering.Charge(1);
            replaced.Append(text, at, found - at);
            replaced.Append(replacement);
            at = found + old.Text.Length;
        }

        replaced.Append(text, at, text.Text.Length - at);
        return replaced.ToValue();
    }

    public static TextValue Join(Rendering rendering, TextValue separator, Value iterable)
    {
        var joined = new TextBuilder();
        var index = 0;
        using var items = iterable.Iterate() ?? throw TemplateError.Type("can only join an iterable");
        while (items.MoveNext())
        {
            var item = separator.IsMarkup ? Markup.Escape(items.Current) : items.Current as TextValue
                ?? throw TemplateError.Type(Invariant($"sequence item {index}: expected str instance, {items.Current.TypeName} found"));
            rendering.Charge(1);
            if (index++ > 0)
            {
                joined.Append(separator);
            }

            joined.Append(item);
        }

        return joined.ToValue(separator.Kind);
    }

    public static TextValue Pad(Rendering rendering, TextValue text, Value?[] given, Alignment alignment)
    {
        var fill = given.ElementAtOrDefault(1) is { } filler ? Methods.Text(filler) : new TextValue(" ");
        if (fill.CodePointCount != 1)
        {
            throw TemplateError.Type("The fill character must be exactly one character long");
        }

        var width = Methods.Integer(given[0], 0);
        var missing = Math.Max(0, width - text.CodePointCount);
        rendering.ChargeText((long)missing * fill.Text.Length + text.Text.Length);
        var left = alignment switch
        {
            Alignment.Left => 0,
            Alignment.Right => missing,
            _ => (missing / 2) + (missing & width & 1),
        };
        var padded = new TextBuilder();
        Repeat(padded, text.IsMarkup ? Markup.Escape(fill) : fill, left);
        padded.Append(text);
        Repeat(padded, text.IsMarkup ? Markup.Escape(fill) : fill, missing - left);
        return padded.ToValue(text.Kind);
    }

    public static TextValue ZeroFill(Rendering rendering, TextValue text, int width)
    {
        var missing = Math.Max(0, width - text.CodePointCount);
        rendering.ChargeText((long)missing + text.Text.Length);
        var sign = text.Text.Length > 0 && text.Text[0] is '+' or '-' ? 1 : 0;
        var filled = new TextBuilder();
        filled.Append(text, 0, sign);
        filled.Append('0', missing);
        filled.Append(text, sign, text.Text.Length - sign);
        return filled.ToValue(text.Kind);
    }

    private static void Repeat(TextBuilder to, TextValue text, int count)
    {
        for (var done = 0; done < count; done++)
        {
            to.Append(text);
        }
    }

    private static bool IsStripped(string text, int at, HashSet<Rune>? set) =>
        set?.Contains(CodePoints.RuneAt(text, at)) ?? CodePoints.IsSpace(text[at]);

    /// <summary>Where the next empty string lies: before each character and at the end.</summary>
    private static int NextGap(string text, int at, int done) => done == 0 ? 0
        : at >= text.Length ? -1
        : at + CodePoints.WidthAt(text, at);
}
