using OrleansLLM.Templates.Values;

namespace OrleansLLM.Templates.Library;

/// <summary>HTML escaping as MarkupSafe does it; templates meet it through `safe` and `escape`.</summary>
internal static class Markup
{
    /// <summary>Markup stays as it is; anything else is printed and escaped. The result is markup.</summary>
    public static TextValue Escape(Value value)
    {
        var text = value.ToText();
        if (text.IsMarkup)
        {
            return text;
        }

        return ForceEscape(text);
    }

    public static TextValue ForceEscape(TextValue text)
    {
        if (text.Text.AsSpan().IndexOfAny("&<>'\"") < 0)
        {
            return text.As(MarkupKind.Markup);
        }

        var escaped = new TextBuilder();
        for (var at = 0; at < text.Text.Length; at++)
        {
            var replacement = text.Text[at] switch
            {
                '&' => "&amp;",
                '<' => "&lt;",
                '>' => "&gt;",
                '\'' => "&#39;",
                '"' => "&#34;",
                _ => null,
            };
            if (replacement is null)
            {
                escaped.Append(text, at, 1);
            }
            else
            {
                escaped.Append(replacement, text, at);
            }
        }

        return escaped.ToValue(MarkupKind.Markup);
    }
}
