namespace OrleansLLM.Text;

/// <summary>
/// Finds stop strings in a text that arrives piece by piece; one stream, one thread.
/// Promises: the result depends on the text alone, never on how it was cut into pieces; the match that is complete first wins, and of
/// those that end at the same character the longest; text that may yet become a stop string is held back, so that none ever leaks.
/// Time a character: the number of stop strings, amortized, whatever they are (Knuth, Morris, Pratt, Fast pattern matching in strings, 1977).
/// </summary>
public sealed class StopStrings
{
    private readonly string[] _stops;
    private readonly int[][] _borders;
    private readonly int[] _matched;
    private readonly StopStringText _text;
    private string _held = "";
    private bool _isOver;

    /// <param name="stops">The strings, none empty.</param>
    /// <param name="text">Whether the string that stopped the text is part of the output (include_stop_str_in_output).</param>
    public StopStrings(IReadOnlyList<string> stops, StopStringText text)
    {
        ArgumentNullException.ThrowIfNull(stops);
        if (stops.Any(string.IsNullOrEmpty))
        {
            throw new ArgumentException("A stop string must hold at least one character.", nameof(stops));
        }

        _stops = [.. stops.Distinct()];
        _borders = [.. _stops.Select(Borders)];
        _matched = new int[_stops.Length];
        _text = text;
    }

    private StopStrings(StopStrings others)
    {
        (_stops, _borders, _text) = (others._stops, others._borders, others._text);
        _matched = new int[_stops.Length];
    }

    /// <summary>The same strings for another text, of which nothing has been seen yet; both share what was made of the strings.</summary>
    public StopStrings NewStream() => new(this);

    /// <summary>Takes the text that the token at <paramref name="position"/> completed, and gives what may be shown now.</summary>
    /// <remarks>After a match the stream is over: further pieces give nothing.</remarks>
    public StopStringResult Add(string piece, int position)
    {
        ArgumentNullException.ThrowIfNull(piece);
        if (_isOver)
        {
            return new("", null);
        }

        var text = _held + piece;
        for (var i = 0; i < piece.Length; i++)
        {
            if (Advance(piece[i]) is { } stop)
            {
                var end = _held.Length + i + 1;
                _isOver = true;
                _held = "";
                return new(text[..(_text == StopStringText.Included ? end : end - stop.Length)], new StopStringMatch(stop, position));
            }
        }

        return new(Release(text), null);
    }

    /// <summary>Takes text in which a stop string may begin but none may end yet (min_tokens), and gives what may be shown now.</summary>
    public string Begin(string piece)
    {
        ArgumentNullException.ThrowIfNull(piece);
        foreach (var next in piece)
        {
            Advance(next);
            for (var k = 0; k < _stops.Length; k++)
            {
                _matched[k] = _matched[k] == _stops[k].Length ? _borders[k][^1] : _matched[k];
            }
        }

        return Release(_held + piece);
    }

    /// <summary>The text that was held back and never became a stop string; call it when the stream ends without a match.</summary>
    public string Finish()
    {
        var rest = _held;
        _held = "";
        return rest;
    }

    /// <summary>Holds back what may become a stop string. What is shown up to the end of a match in any case need not wait.</summary>
    private string Release(string text)
    {
        var held = _text == StopStringText.Included || _stops.Length == 0 ? 0 : _matched.Max();
        _held = text[^held..];
        return text[..^held];
    }

    /// <summary>The longest stop string that this character completes.</summary>
    private string? Advance(char next)
    {
        string? found = null;
        for (var k = 0; k < _stops.Length; k++)
        {
            var stop = _stops[k];
            _matched[k] = Extend(stop, _borders[k], _matched[k], next);
            if (_matched[k] == stop.Length && stop.Length > (found?.Length ?? 0))
            {
                found = stop;
            }
        }

        return found;
    }

    /// <summary>How much of a stop string the text ends with after one more character.</summary>
    private static int Extend(string stop, int[] borders, int matched, char next)
    {
        while (matched > 0 && stop[matched] != next)
        {
            matched = borders[matched - 1];
        }

        return stop[matched] == next ? matched + 1 : 0;
    }

    /// <summary>At i, the length of the longest proper prefix of [0, i] that it also ends with.</summary>
    private static int[] Borders(string stop)
    {
        var borders = new int[stop.Length];
        for (var i = 1; i < stop.Length; i++)
        {
            borders[i] = Extend(stop, borders, borders[i - 1], stop[i]);
        }

        return borders;
    }
}

/// <summary>Whether the string that stopped a text is shown.</summary>
public enum StopStringText
{
    Excluded,
    Included,
}

/// <param name="Text">What may be shown now.</param>
/// <param name="Match">The stop string, where one was found: the stream ends here.</param>
public readonly record struct StopStringResult(string Text, StopStringMatch? Match);

/// <param name="StopString">The string that was found.</param>
/// <param name="Position">The position of the token that completed it.</param>
public sealed record StopStringMatch(string StopString, int Position);
