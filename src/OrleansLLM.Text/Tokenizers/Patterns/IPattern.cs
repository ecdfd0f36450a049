using System.Text;

namespace OrleansLLM.Text.Tokenizers.Patterns;

/// <summary>A part of a text, which matched or lies between two matches.</summary>
internal readonly record struct PatternMatch(int Start, int End, bool IsMatch);

/// <summary>What a text is split at or searched for. Thread-safe.</summary>
internal interface IPattern
{
    /// <summary>Adds the parts of a text: matches, and what lies between them, without gaps.</summary>
    void Find(ReadOnlySpan<char> text, List<PatternMatch> matches);
}

/// <summary>The same parts with matches and gaps exchanged.</summary>
internal sealed class InvertedPattern(IPattern pattern) : IPattern
{
    public void Find(ReadOnlySpan<char> text, List<PatternMatch> matches)
    {
        var first = matches.Count;
        pattern.Find(text, matches);
        for (var i = first; i < matches.Count; i++)
        {
            matches[i] = matches[i] with { IsMatch = !matches[i].IsMatch };
        }
    }
}

/// <summary>Each character of a kind is a match of its own.</summary>
internal sealed class CharacterPattern(Func<Rune, bool> isMatch) : IPattern
{
    private readonly bool[] _isAsciiMatch = [.. Enumerable.Range(0, 0x80).Select(value => isMatch(new Rune(value)))];

    public void Find(ReadOnlySpan<char> text, List<PatternMatch> matches)
    {
        var gap = 0;
        for (var i = 0; i < text.Length;)
        {
            var length = Runes.LengthAt(text, i);
            if (text[i] < 0x80 ? _isAsciiMatch[text[i]] : isMatch(Runes.At(text, i)))
            {
                if (gap < i)
                {
                    matches.Add(new PatternMatch(gap, i, IsMatch: false));
                }

                matches.Add(new PatternMatch(i, i + length, IsMatch: true));
                gap = i + length;
            }

            i += length;
        }

        if (gap < text.Length)
        {
            matches.Add(new PatternMatch(gap, text.Length, IsMatch: false));
        }
    }
}

/// <summary>Runs of word characters, and runs of what is neither word nor white space: <c>\w+|[^\w\s]+</c>.</summary>
internal sealed class WordPattern : IPattern
{
    public void Find(ReadOnlySpan<char> text, List<PatternMatch> matches)
    {
        for (var i = 0; i < text.Length;)
        {
            var start = i;
            var kind = KindAt(text, i);
            while (i < text.Length && KindAt(text, i) == kind)
            {
                i += Runes.LengthAt(text, i);
            }

            matches.Add(new PatternMatch(start, i, kind != Kind.Space));
        }
    }

    private static Kind KindAt(ReadOnlySpan<char> text, int position)
    {
        var rune = Runes.At(text, position);
        return Runes.IsWord(rune) ? Kind.Word : Runes.IsWhiteSpace(rune) ? Kind.Space : Kind.Other;
    }

    private enum Kind
    {
        Word,
        Space,
        Other,
    }
}

/// <summary>A string.</summary>
internal sealed class LiteralPattern(string literal) : IPattern
{
    public string Replace(string text, string content) =>
        literal.Length == 0 ? text : text.Replace(literal, content, StringComparison.Ordinal);

    public void Find(ReadOnlySpan<char> text, List<PatternMatch> matches)
    {
        var gap = 0;
        while (gap < text.Length)
        {
            var at = text[gap..].IndexOf(literal, StringComparison.Ordinal);
            if (at < 0)
            {
                matches.Add(new PatternMatch(gap, text.Length, IsMatch: false));
                return;
            }

            if (at > 0)
            {
                matches.Add(new PatternMatch(gap, gap + at, IsMatch: false));
            }

            matches.Add(new PatternMatch(gap + at, gap + at + literal.Length, IsMatch: true));
            gap += at + literal.Length;
        }
    }
}
