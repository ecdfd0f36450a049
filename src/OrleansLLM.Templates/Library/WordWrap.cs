using OrleansLLM.Templates.Values;
using static System.FormattableString;

namespace OrleansLLM.Templates.Library;

/// <summary>The filter wordwrap: Python's textwrap, each line of the text for itself.</summary>
internal static class WordWrap
{
    public static Value Apply(Rendering rendering, Value value, Value?[] given)
    {
        var text = Methods.Text(value);
        var width = Methods.Integer(given[0], 79);
        var breaks = Methods.IsTrue(given[1] ?? IntValue.True);
        var separator = given[2] is null or NoneValue ? new TextValue("\n") : Methods.Text(given[2]!);
        if (width <= 0)
        {
            throw TemplateError.Value(Invariant($"invalid width {width} (must be > 0)"));
        }

        if (Methods.IsTrue(given[3] ?? IntValue.True) && text.Text.Contains('-', StringComparison.Ordinal))
        {
            throw TemplateError.NotBuilt("filter 'wordwrap' on hyphens; pass break_on_hyphens=false");
        }

        var lines = Splitting.Lines(rendering, text, keepEnds: false)
            .Select(line => (Value)TextOperations.Join(rendering, separator, new ListValue([.. Wrap(rendering, (TextValue)line, width, breaks)])));
        return TextOperations.Join(rendering, separator, new ListValue([.. lines]));
    }

    private static IEnumerable<Value> Wrap(Rendering rendering, TextValue text, int width, bool breaks)
    {
        var chunks = new Stack<TextValue>(Chunks(text).Reverse());
        var isFirst = true;
        while (chunks.Count > 0)
        {
            if (!isFirst && IsBlank(chunks.Peek()))
            {
                chunks.Pop();
                continue;
            }

            var line = TakeLine(rendering, chunks, width, breaks);
            if (line.Count > 0 && IsBlank(line[^1]))
            {
                line.RemoveAt(line.Count - 1);
            }

            if (line.Count > 0)
            {
                isFirst = false;
                var joined = new TextBuilder();
                line.ForEach(joined.Append);
                yield return joined.ToValue();
            }
        }
    }

    private static List<TextValue> TakeLine(Rendering rendering, Stack<TextValue> chunks, int width, bool breaks)
    {
        var line = new List<TextValue>();
        var length = 0;
        while (chunks.Count > 0 && length + chunks.Peek().CodePointCount <= width)
        {
            length += chunks.Peek().CodePointCount;
            line.Add(chunks.Pop());
        }

        if (chunks.Count > 0 && chunks.Peek().CodePointCount > width)
        {
            var chunk = chunks.Pop();
            rendering.ChargeText(chunk.Text.Length);
            if (breaks)
            {
                var cut = CodePoints.Offset(chunk, width - length);
                line.Add(chunk.Part(0, cut));
                chunks.Push(chunk.Part(cut, chunk.Text.Length - cut));
            }
            else if (line.Count == 0)
            {
                line.Add(chunk);
            }
            else
            {
                chunks.Push(chunk);
            }
        }

        return line;
    }

    private static IEnumerable<TextValue> Chunks(TextValue text)
    {
        for (var at = 0; at < text.Text.Length;)
        {
            var end = at;
            var space = IsWrapSpace(text.Text[at]);
            while (end < text.Text.Length && IsWrapSpace(text.Text[end]) == space)
            {
                end++;
            }

            yield return text.Part(at, end - at);
            at = end;
        }
    }

    private static bool IsWrapSpace(char character) => character is ' ' or '\t' or '\n' or '\v' or '\f' or '\r';

    private static bool IsBlank(TextValue chunk) => chunk.Text.All(CodePoints.IsSpace);
}
