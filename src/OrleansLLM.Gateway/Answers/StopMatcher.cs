using OrleansLLM.Gateway.Requests;

namespace OrleansLLM.Gateway.Answers;

/// <summary>Stop strings with their failure functions (Knuth, Morris, Pratt 1977), made once a request.</summary>
internal sealed class StopPatterns
{
    private readonly int[][] _borders;

    public StopPatterns(IReadOnlyList<string> texts)
    {
        Texts = texts;
        _borders = [.. texts.Select(Borders)];
    }

    public IReadOnlyList<string> Texts { get; }

    /// <summary>How much of stop string <paramref name="index"/> the text ends with after one more character.</summary>
    public int Advance(int index, int matched, char next)
    {
        var text = Texts[index];
        while (matched > 0 && text[matched] != next)
        {
            matched = _borders[index][matched - 1];
        }

        return text[matched] == next ? matched + 1 : 0;
    }

    private static int[] Borders(string text)
    {
        var borders = new int[text.Length];
        var length = 0;
        for (var i = 1; i < text.Length; i++)
        {
            while (length > 0 && text[length] != text[i])
            {
                length = borders[length - 1];
            }

            length = text[length] == text[i] ? length + 1 : 0;
            borders[i] = length;
        }

        return borders;
    }
}

/// <summary>
/// Finds stop strings in one growing text, however it is cut into pieces. The first that ends wins, of those the longest. Text that may
/// still turn out to be a stop string's beginning is held back; behind a stop string nothing is released. Time a character: the number
/// of stop strings, amortized.
/// </summary>
internal sealed class StopMatcher(StopPatterns patterns, StopText keep)
{
    private readonly int[] _matched = new int[patterns.Texts.Count];
    private string _held = "";

    /// <summary>The stop string that was found, null until then.</summary>
    public string? Found { get; private set; }

    /// <summary>The text that is now known to be no stop string.</summary>
    public string Add(string piece)
    {
        if (_matched.Length == 0 || Found is not null)
        {
            return Found is null ? piece : "";
        }

        var text = _held + piece;
        for (var i = 0; i < piece.Length; i++)
        {
            if (Advance(piece[i]) is { } stop)
            {
                Found = stop;
                var end = _held.Length + i + 1;
                _held = "";
                return text[..(keep == StopText.Keep ? end : end - stop.Length)];
            }
        }

        var free = text.Length - _matched.Max();
        _held = text[free..];
        return text[..free];
    }

    /// <summary>What was held back, at the text's end.</summary>
    public string Flush()
    {
        var rest = _held;
        _held = "";
        return rest;
    }

    private string? Advance(char next)
    {
        string? found = null;
        for (var k = 0; k < _matched.Length; k++)
        {
            _matched[k] = patterns.Advance(k, _matched[k], next);
            var text = patterns.Texts[k];
            if (_matched[k] == text.Length && text.Length > (found?.Length ?? 0))
            {
                found = text;
            }
        }

        return found;
    }
}
