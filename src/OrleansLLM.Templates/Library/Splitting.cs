using OrleansLLM.Templates.Values;

namespace OrleansLLM.Templates.Library;

/// <summary>split, rsplit, splitlines and partition of str.</summary>
internal static class Splitting
{
    public static ListValue Split(Rendering rendering, TextValue text, Value? separator, Value? most)
    {
        var limit = Methods.Integer(most, -1);
        var parts = new List<Value>();
        if (separator is null or NoneValue)
        {
            SplitAtSpace(rendering, text, limit, parts);
            return new(parts);
        }

        var wanted = NotEmpty(separator);
        Rendering.ChargeSearch(text.Text.Length, wanted.Length);
        var at = 0;
        while (parts.Count != limit)
        {
            var found = text.Text.IndexOf(wanted, at, StringComparison.Ordinal);
            if (found < 0)
            {
                break;
            }

            Take(rendering, parts, text, at, found - at);
            at = found + wanted.Length;
        }

        Take(rendering, parts, text, at, text.Text.Length - at);
        return new(parts);
    }

    public static ListValue SplitFromRight(Rendering rendering, TextValue text, Value? separator, Value? most)
    {
        var limit = Methods.Integer(most, -1);
        var parts = new List<Value>();
        if (separator is null or NoneValue)
        {
            SplitAtSpaceFromRight(rendering, text, limit, parts);
        }
        else
        {
            var wanted = NotEmpty(separator);
            Rendering.ChargeSearch(text.Text.Length, wanted.Length);
            var end = text.Text.Length;
            while (parts.Count != limit)
            {
                var found = text.Text.AsSpan(0, end).LastIndexOf(wanted, StringComparison.Ordinal);
                if (found < 0)
                {
                    break;
                }

                Take(rendering, parts, text, found + wanted.Length, end - found - wanted.Length);
                end = found;
            }

            Take(rendering, parts, text, 0, end);
        }

        parts.Reverse();
        return new(parts);
    }

    public static List<Value> Lines(Rendering rendering, TextValue text, bool keepEnds)
    {
        var lines = new List<Value>();
        for (var at = 0; at < text.Text.Length;)
        {
            var end = at;
            while (end < text.Text.Length && !CodePoints.IsLineBreak(text.Text[end]))
            {
                end++;
            }

            var next = end == text.Text.Length ? end
                : text.Text[end] == '\r' && end + 1 < text.Text.Length && text.Text[end + 1] == '\n' ? end + 2
                : end + 1;
            Take(rendering, lines, text, at, (keepEnds ? next : end) - at);
            at = next;
        }

        return lines;
    }

    public static TupleValue Partition(TextValue text, TextValue separator)
    {
        Rendering.ChargeSearch(text.Text.Length, separator.Text.Length);
        var found = text.Text.IndexOf(NotEmpty(separator), StringComparison.Ordinal);
        return found < 0 ? new([text, TextValue.Empty.As(text.Kind), TextValue.Empty.As(text.Kind)]) : Around(text, separator, found);
    }

    public static TupleValue PartitionFromRight(TextValue text, TextValue separator)
    {
        Rendering.ChargeSearch(text.Text.Length, separator.Text.Length);
        var found = text.Text.LastIndexOf(NotEmpty(separator), StringComparison.Ordinal);
        return found < 0 ? new([TextValue.Empty.As(text.Kind), TextValue.Empty.As(text.Kind), text]) : Around(text, separator, found);
    }

    private static TupleValue Around(TextValue text, TextValue separator, int found)
    {
        var behind = found + separator.Text.Length;
        return new([text.Part(0, found), separator.As(text.Kind), text.Part(behind, text.Text.Length - behind)]);
    }

    private static string NotEmpty(Value separator)
    {
        var text = separator is TextValue given ? given.Text : throw TemplateError.Type($"must be str or None, not {separator.TypeName}");
        return text.Length > 0 ? text : throw TemplateError.Value("empty separator");
    }

    private static void SplitAtSpace(Rendering rendering, TextValue text, int limit, List<Value> parts)
    {
        var at = 0;
        while (true)
        {
            while (at < text.Text.Length && CodePoints.IsSpace(text.Text[at]))
            {
                at++;
            }

            if (at == text.Text.Length)
            {
                return;
            }

            var end = at;
            if (parts.Count == limit)
            {
                Take(rendering, parts, text, at, text.Text.Length - at);
                return;
            }

            while (end < text.Text.Length && !CodePoints.IsSpace(text.Text[end]))
            {
                end++;
            }

            Take(rendering, parts, text, at, end - at);
            at = end;
        }
    }

    private static void SplitAtSpaceFromRight(Rendering rendering, TextValue text, int limit, List<Value> parts)
    {
        var end = text.Text.Length;
        while (true)
        {
            while (end > 0 && CodePoints.IsSpace(text.Text[end - 1]))
            {
                end--;
            }

            if (end == 0)
            {
                return;
            }

            var start = end;
            if (parts.Count == limit)
            {
                Take(rendering, parts, text, 0, end);
                return;
            }

            while (start > 0 && !CodePoints.IsSpace(text.Text[start - 1]))
            {
                start--;
            }

            Take(rendering, parts, text, start, end - start);
            end = start;
        }
    }

    private static void Take(Rendering rendering, List<Value> parts, TextValue text, int start, int length)
    {
        rendering.Charge(1 + (length / Rendering.CharactersPerStep));
        parts.Add(text.Part(start, length));
    }
}
