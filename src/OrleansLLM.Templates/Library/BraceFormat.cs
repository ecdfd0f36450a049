using OrleansLLM.Templates.Values;
using static System.FormattableString;

namespace OrleansLLM.Templates.Library;

/// <summary>str.format: {name.attribute[item]!conversion:spec}, attributes as the sandbox allows them.</summary>
internal sealed class BraceFormat(Rendering rendering, TextValue format, Arguments arguments)
{
    private int _automatic;

    public static TextValue Apply(Rendering rendering, TextValue format, Arguments arguments) =>
        new BraceFormat(rendering, format, arguments).Run(format.Text, nesting: 0).As(format.Kind);

    public static TextValue ApplyMap(Rendering rendering, TextValue format, Arguments arguments)
    {
        var mapping = new Signature("mapping /").Bind("format_map", arguments)[0] as DictValue
            ?? throw TemplateError.Type("format_map() takes a mapping");
        return Apply(rendering, format, new([], [.. mapping.Items.Select(pair => KeyValuePair.Create(Methods.Text(pair.Key).Text, pair.Value))]));
    }

    private TextValue Run(string text, int nesting)
    {
        if (nesting > 1)
        {
            throw TemplateError.Value("Max string recursion exceeded");
        }

        var to = new TextBuilder();
        for (var at = 0; at < text.Length; at++)
        {
            var character = text[at];
            if (character is '{' or '}' && at + 1 < text.Length && text[at + 1] == character)
            {
                to.Append(character);
                at++;
            }
            else if (character == '{')
            {
                var end = FieldEnd(text, at + 1);
                to.Append(Field(text[(at + 1)..end], nesting));
                at = end;
            }
            else if (character == '}')
            {
                throw TemplateError.Value("Single '}' encountered in format string");
            }
            else if (nesting == 0)
            {
                to.Append(format, at, 1);
            }
            else
            {
                to.Append(character);
            }
        }

        return to.ToValue();
    }

    private static int FieldEnd(string text, int start)
    {
        var depth = 1;
        for (var at = start; at < text.Length; at++)
        {
            depth += text[at] switch { '{' => 1, '}' => -1, _ => 0 };
            if (depth == 0)
            {
                return at;
            }
        }

        throw TemplateError.Value(start < text.Length ? "expected '}' before end of string" : "Single '{' encountered in format string");
    }

    private TextValue Field(string field, int nesting)
    {
        var nameEnd = NameEnd(field);
        var value = Lookup(field[..nameEnd]);
        var rest = field[nameEnd..];
        if (rest.StartsWith('!'))
        {
            value = Convert(value, rest.Length > 1 ? rest[1] : '\0');
            rest = rest.Length > 1 ? rest[2..] : "";
            if (rest.Length > 0 && rest[0] != ':')
            {
                throw TemplateError.Value("expected ':' after conversion specifier");
            }
        }

        var spec = rest.Length == 0 ? "" : Run(rest[1..], nesting + 1).Text;
        if (!format.IsMarkup)
        {
            return FormatSpec.Format(rendering, value, spec);
        }

        return value is TextValue { IsMarkup: true }
            ? spec.Length == 0 ? (TextValue)value : throw TemplateError.Value("Unsupported format specification for Markup.")
            : Markup.Escape(FormatSpec.Format(rendering, value, spec));
    }

    private static int NameEnd(string field)
    {
        var inBrackets = false;
        for (var at = 0; at < field.Length; at++)
        {
            inBrackets = field[at] switch { '[' => true, ']' => false, _ => inBrackets };
            if (!inBrackets && field[at] is '!' or ':')
            {
                return at;
            }
        }

        return field.Length;
    }

    private Value Lookup(string path)
    {
        var end = path.AsSpan().IndexOfAny('.', '[');
        var value = First(end < 0 ? path : path[..end]);
        for (var at = end < 0 ? path.Length : end; at < path.Length;)
        {
            if (path[at] == '.')
            {
                var next = path.AsSpan(at + 1).IndexOfAny('.', '[');
                var name = next < 0 ? path[(at + 1)..] : path.Substring(at + 1, next);
                value = Access.Attribute(value, NotEmpty(name));
                at += 1 + name.Length;
            }
            else
            {
                var close = path.IndexOf(']', at);
                var key = close < 0 ? throw TemplateError.Value("Missing ']' in format string") : NotEmpty(path[(at + 1)..close]);
                value = Access.Item(value, key.All(char.IsAsciiDigit) ? IntValue.Of(System.Numerics.BigInteger.Parse(key, System.Globalization.CultureInfo.InvariantCulture)) : new TextValue(key));
                at = close + 1;
            }
        }

        return value;
    }

    private static string NotEmpty(string name) => name.Length > 0 ? name : throw TemplateError.Value("Empty attribute in format string");

    private Value First(string name)
    {
        if (name.Length > 0 && !name.All(char.IsAsciiDigit))
        {
            rendering.Charge(arguments.Keywords.Count / Rendering.CharactersPerStep);
            return arguments.Keyword(name) ?? throw TemplateError.Value($"'{name}'");
        }

        if (name.Length == 0 && _automatic < 0 || name.Length > 0 && _automatic > 0)
        {
            throw TemplateError.Value("cannot switch between manual and automatic field numbering");
        }

        var index = name.Length == 0 ? _automatic++ : int.TryParse(name, System.Globalization.CultureInfo.InvariantCulture, out var given) ? given : int.MaxValue;
        _automatic = name.Length == 0 ? _automatic : -1;
        return index < arguments.Positional.Count
            ? arguments.Positional[index]
            : throw TemplateError.Value(Invariant($"Replacement index {index} out of range for positional args tuple"));
    }

    private static Value Convert(Value value, char conversion)
    {
        switch (conversion)
        {
            case 's':
                return value.ToText().As(MarkupKind.Plain);
            case 'r' or 'a':
                var text = new TextBuilder();
                value.WriteRepr(text);
                return text.ToValue();
            default:
                throw TemplateError.Value($"Unknown conversion specifier {conversion}");
        }
    }
}
