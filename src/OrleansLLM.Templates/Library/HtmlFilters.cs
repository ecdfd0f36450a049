using System.Net;
using System.Text;
using OrleansLLM.Templates.Values;

namespace OrleansLLM.Templates.Library;

/// <summary>Filters for HTML and addresses; hardly any chat template uses them.</summary>
internal static class HtmlFilters
{
    private const string Unreserved = "_.-~";
    private const int LongestEntity = 32;

    public static Value StripTags(Rendering rendering, Value value, Value?[] given)
    {
        var text = Remove(Remove(value.ToText().As(MarkupKind.Plain), "<!--", "-->"), "<", ">");
        var words = Splitting.Split(rendering, text, null, null);
        var joined = TextOperations.Join(rendering, new TextValue(" "), words);
        return Unescape(joined);
    }

    public static Value UrlEncode(Rendering rendering, Value value, Value?[] given)
    {
        if (value is TextValue || value.Iterate() is null)
        {
            return Quote(value.ToText(), "/", "%20");
        }

        var pairs = value is DictValue dict ? dict.Items.Select(pair => (pair.Key, pair.Value)) : value.ToList(rendering).Select(Pair);
        var query = new TextBuilder();
        foreach (var (key, item) in pairs)
        {
            if (query.Length > 0)
            {
                query.Append('&');
            }

            query.Append(Quote(key.ToText(), "", "+"));
            query.Append('=');
            query.Append(Quote(item.ToText(), "", "+"));
        }

        return query.ToValue();
    }

    public static Value XmlAttributes(Rendering rendering, Value value, Value?[] given)
    {
        if (value is not DictValue dict)
        {
            throw value is UndefinedValue undefined ? undefined.Error() : TemplateError.Type($"'{value.TypeName}' object has no attribute 'items'");
        }

        var written = new TextBuilder();
        foreach (var (key, item) in dict.Items)
        {
            if (item is NoneValue or UndefinedValue)
            {
                continue;
            }

            var name = Methods.Text(key);
            if (name.Text.Any(" \t\n\r\f\v/>=".Contains))
            {
                throw TemplateError.Value($"Invalid character in attribute name: '{name.Text}'");
            }

            written.Append(written.Length > 0 || Methods.IsTrue(given[0] ?? IntValue.True) ? " " : "");
            written.Append(Markup.Escape(name));
            written.Append("=\"");
            written.Append(Markup.Escape(item));
            written.Append('"');
        }

        return written.ToValue();
    }

    private static (Value Key, Value Item) Pair(Value value) => value is SequenceValue { Items: [var key, var item] }
        ? (key, item)
        : throw TemplateError.Value("not enough values to unpack (expected 2)");

    private static TextValue Quote(TextValue text, string safe, string space)
    {
        var quoted = new TextBuilder();
        for (var at = 0; at < text.Text.Length;)
        {
            var width = CodePoints.WidthAt(text.Text, at);
            var character = text.Text[at];
            if (char.IsAsciiLetterOrDigit(character) || (Unreserved + safe).Contains(character, StringComparison.Ordinal))
            {
                quoted.Append(text, at, 1);
            }
            else
            {
                var bytes = Encoding.UTF8.GetBytes(text.Text, at, width);
                quoted.Append(character == ' ' ? space : string.Concat(bytes.Select(one => $"%{one:X2}")), text, at);
            }

            at += width;
        }

        return quoted.ToValue();
    }

    private static TextValue Remove(TextValue text, string open, string close)
    {
        var kept = new TextBuilder();
        var at = 0;
        while (true)
        {
            var start = text.Text.IndexOf(open, at, StringComparison.Ordinal);
            var end = start < 0 ? -1 : text.Text.IndexOf(close, start, StringComparison.Ordinal);
            if (end < 0)
            {
                kept.Append(text, at, text.Text.Length - at);
                return kept.ToValue();
            }

            kept.Append(text, at, start - at);
            at = end + close.Length;
        }
    }

    private static TextValue Unescape(TextValue text)
    {
        var unescaped = new TextBuilder();
        var at = 0;
        while (at < text.Text.Length)
        {
            var end = text.Text[at] == '&' ? text.Text.IndexOf(';', at, Math.Min(LongestEntity, text.Text.Length - at)) : -1;
            var entity = end > at ? text.Text[at..(end + 1)] : "";
            var character = entity.Length == 0 ? "" : WebUtility.HtmlDecode(entity);
            if (entity.Length > 0 && character != entity)
            {
                unescaped.Append(character, text, at);
                at = end + 1;
            }
            else
            {
                unescaped.Append(text, at, 1);
                at++;
            }
        }

        return unescaped.ToValue();
    }
}
