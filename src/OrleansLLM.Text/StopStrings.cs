namespace OrleansLLM.Text;

/// <summary>
/// Finds stop strings in a text that arrives piece by piece; one stream, one thread.
/// Promises: the result depends on the text alone, never on how it was cut into pieces; the match that is complete first wins, and of
/// those that end at the same character the longest; text that may yet become a stop string is held back, so that none ever leaks.
/// </summary>
public sealed class StopStrings
{
    private readonly string[] _stops;
    private readonly StopStringText _text;
    private readonly int _longest;
    private string _held = "";
    private bool _matched;

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
        _text = text;
        _longest = _stops.Length == 0 ? 0 : _stops.Max(stop => stop.Length);
    }

    /// <summary>Takes the text that the token at <paramref name="position"/> completed, and gives what may be shown now.</summary>
    /// <remarks>After a match the stream is over: further pieces give nothing.</remarks>
    public StopStringResult Add(string piece, int position)
    {
        ArgumentNullException.ThrowIfNull(piece);
        if (_matched)
        {
            return new("", null);
        }

        var text = _held.Length == 0 ? piece : _held + piece;
        if (Find(text) is { } found)
        {
            _matched = true;
            var shown = _text == StopStringText.Included
                ? text[_held.Length..(found.Start + found.Stop.Length)]
                : text[..found.Start];
            _held = "";
            return new(shown, new StopStringMatch(found.Stop, position));
        }

        var held = HeldLength(text);
        _held = text[^held..];
        if (_text == StopStringText.Included)
        {
            // Everything up to the end of a match is shown, so nothing waits; what is kept is only searched again.
            return new(piece, null);
        }

        return new(text[..^held], null);
    }

    /// <summary>The text that was held back and never became a stop string; call it when the stream ends without a match.</summary>
    public string Finish()
    {
        var rest = _text == StopStringText.Included ? "" : _held;
        _held = "";
        return rest;
    }

    private (string Stop, int Start)? Find(string text)
    {
        (string Stop, int Start)? best = null;
        var end = int.MaxValue;
        foreach (var stop in _stops)
        {
            var start = text.IndexOf(stop, StringComparison.Ordinal);
            if (start >= 0 && (start + stop.Length, start).CompareTo((end, best?.Start ?? 0)) < 0)
            {
                best = (stop, start);
                end = start + stop.Length;
            }
        }

        return best;
    }

    private int HeldLength(string text)
    {
        for (var length = Math.Min(_longest - 1, text.Length); length > 0; length--)
        {
            var tail = text.AsSpan(text.Length - length);
            foreach (var stop in _stops)
            {
                if (stop.Length > length && stop.AsSpan(0, length).SequenceEqual(tail))
                {
                    return length;
                }
            }
        }

        return 0;
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
