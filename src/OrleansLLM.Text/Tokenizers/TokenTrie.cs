using System.Buffers;

namespace OrleansLLM.Text.Tokenizers;

/// <summary>Strings that are searched for in a text all at once. Filled once, then read from any thread.</summary>
internal sealed class TokenTrie
{
    private const int Root = 0;
    private const int NoToken = -1;

    private readonly Dictionary<(int Node, char Unit), int> _edges = [];
    private readonly List<int> _tokens = [NoToken];
    private SearchValues<char> _firstUnits = SearchValues.Create(ReadOnlySpan<char>.Empty);

    public bool IsEmpty => _edges.Count == 0;

    /// <summary>Adds a string; of equal ones the first stays.</summary>
    public void Add(ReadOnlySpan<char> text, int token)
    {
        var node = Root;
        foreach (var unit in text)
        {
            if (!_edges.TryGetValue((node, unit), out var next))
            {
                next = _tokens.Count;
                _tokens.Add(NoToken);
                _edges.Add((node, unit), next);
            }

            node = next;
        }

        _tokens[node] = _tokens[node] == NoToken ? token : _tokens[node];
    }

    /// <summary>Call once all are added.</summary>
    public void Seal() => _firstUnits = SearchValues.Create(
        _edges.Keys.Where(edge => edge.Node == Root).Select(edge => edge.Unit).ToArray().AsSpan());

    /// <summary>
    /// The first string from a position on and, of those that begin there, the longest one that is allowed.
    /// </summary>
    /// <returns>Its start, or -1 where there is none.</returns>
    public int Find(ReadOnlySpan<char> text, int position, Func<int, int, int, bool>? isAllowed, out int end, out int token)
    {
        (end, token) = (0, NoToken);
        while (position < text.Length)
        {
            var skip = text[position..].IndexOfAny(_firstUnits);
            if (skip < 0)
            {
                return -1;
            }

            position += skip;
            Longest(text, position, isAllowed, ref end, ref token);
            if (token != NoToken)
            {
                return position;
            }

            position++;
        }

        return -1;
    }

    private void Longest(ReadOnlySpan<char> text, int start, Func<int, int, int, bool>? isAllowed, ref int end, ref int token)
    {
        var node = Root;
        for (var at = start; at < text.Length && _edges.TryGetValue((node, text[at]), out node); at++)
        {
            var found = _tokens[node];
            if (found != NoToken && (isAllowed is null || isAllowed(found, start, at + 1)))
            {
                (end, token) = (at + 1, found);
            }
        }
    }
}
