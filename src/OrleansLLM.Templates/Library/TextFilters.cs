using OrleansLLM.Templates.Values;
using static System.FormattableString;

namespace OrleansLLM.Templates.Library;

/// <summary>Filters on strings.</summary>
internal static class TextFilters
{
    public static Value Length(Rendering rendering, Value value, Value?[] given) => value.Length is { } length
        ? IntValue.Of(length)
        : throw TemplateError.Type($"object of type '{value.TypeName}' has no len()");

    public static Value Default(Rendering rendering, Value value, Value?[] given) =>
        value is UndefinedValue || (Methods.IsTrue(given[1]) && !value.IsTrue) ? given[0] ?? TextValue.Empty : value;

    public static Value Replace(Rendering rendering, Value value, Value?[] given)
    {
        var count = given[2] is null or NoneValue ? -1 : Methods.Integer(given[2], -1);
        return TextOperations.Replace(rendering, value.ToText(), given[0]!.ToText(), given[1]!.ToText(), count).As(MarkupKind.Plain);
    }

    public static Value Format(Rendering rendering, Value value, Arguments arguments)
    {
        if (arguments.Positional.Count > 0 && arguments.Keywords.Count > 0)
        {
            throw TemplateError.Value("can't handle positional and keyword arguments at the same time");
        }

        if (arguments.Keywords.Count == 0)
        {
            return PercentFormat.Apply(rendering, value.ToText(), new TupleValue(arguments.Positional));
        }

        var named = new DictValue();
        foreach (var (name, argument) in arguments.Keywords)
        {
            named.Set(new TextValue(name), argument);
        }

        return PercentFormat.Apply(rendering, value.ToText(), named);
    }

    /// <summary>Upper case behind a hyphen, a bracket or white space, lower case elsewhere.</summary>
    public static Value Title(Rendering rendering, Value value, Value?[] given)
    {
        var text = value.ToText().As(MarkupKind.Plain);
        var titled = new TextBuilder();
        for (var at = 0; at < text.Text.Length;)
        {
            var end = at;
            var separates = IsWordStart(text.Text[at]);
            while (end < text.Text.Length && IsWordStart(text.Text[end]) == separates)
            {
                end++;
            }

            var first = CodePoints.WidthAt(text.Text, at);
            titled.Append(Casing.ToUpper(text.Part(at, first)));
            titled.Append(Casing.ToLower(text.Part(at + first, end - at - first)));
            at = end;
        }

        return titled.ToValue();

        static bool IsWordStart(char character) => character is '-' or '(' or '{' or '[' or '<' || CodePoints.IsSpace(character);
    }

    public static Value Indent(Rendering rendering, Value value, Value?[] given)
    {
        if (value is not TextValue text)
        {
            throw TemplateError.Type($"unsupported operand type(s) for +=: '{value.TypeName}' and 'str'");
        }

        var indention = given[0] is TextValue own ? own : Spaces(rendering, Methods.Integer(given[0], 4));
        indention = text.IsMarkup ? Markup.Escape(indention.As(given[0] is TextValue { IsMarkup: false } ? MarkupKind.Plain : MarkupKind.Markup)) : indention;
        var blank = Methods.IsTrue(given[2]);
        var lines = Splitting.Lines(rendering, Operators.Concatenate(rendering, text, new TextValue("\n")), keepEnds: false);
        var indented = new TextBuilder();
        for (var index = 0; index < lines.Count; index++)
        {
            var line = (TextValue)lines[index];
            if (index > 0)
            {
                indented.Append('\n');
            }

            if (index == 0 ? Methods.IsTrue(given[1]) : blank || line.IsTrue)
            {
                indented.Append(indention);
            }

            indented.Append(line);
        }

        return indented.ToValue(text.Kind);
    }

    public static Value Truncate(Rendering rendering, Value value, Value?[] given)
    {
        var length = Methods.Integer(given[0], 255);
        var end = given[2] is null ? new TextValue("...") : Methods.Text(given[2]!);
        var leeway = given[3] is null or NoneValue ? 5 : Methods.Integer(given[3], 5);
        if (length < end.CodePointCount || leeway < 0)
        {
            throw TemplateError.Value(Invariant($"expected length >= {end.CodePointCount}, got {length}"));
        }

        if (value is not TextValue text)
        {
            return value.Length is { } count && count <= (long)length + leeway
                ? value
                : throw TemplateError.Type($"truncate needs a str, not {value.TypeName}");
        }

        if (text.CodePointCount <= (long)length + leeway)
        {
            return text;
        }

        var kept = text.Part(0, CodePoints.Offset(text, length - end.CodePointCount));
        if (!Methods.IsTrue(given[1]) && kept.Text.LastIndexOf(' ') is >= 0 and var space)
        {
            kept = kept.Part(0, space);
        }

        return Operators.Add(rendering, kept, end);
    }

    public static Value WordCount(Rendering rendering, Value value, Value?[] given)
    {
        var text = value.ToText().Text;
        var count = 0;
        var inWord = false;
        for (var at = 0; at < text.Length; at += CodePoints.WidthAt(text, at))
        {
            var isWord = text[at] == '_' || CodePoints.IsAlphanumeric(text, at);
            count += isWord && !inWord ? 1 : 0;
            inWord = isWord;
        }

        return IntValue.Of(count);
    }

    private static TextValue Spaces(Rendering rendering, int count)
    {
        rendering.ChargeText(count);
        return new TextValue(new string(' ', Math.Max(0, count)));
    }
}
