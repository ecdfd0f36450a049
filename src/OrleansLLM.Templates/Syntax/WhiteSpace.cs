using OrleansLLM.Templates.Values;

namespace OrleansLLM.Templates.Syntax;

/// <summary>White space around tags, and the signs in a tag that say whether it goes (-) or stays (+).</summary>
internal static class WhiteSpace
{
    /// <summary>The sign that stands here; the null character where none does.</summary>
    public static char SignAt(string source, int at) => at < source.Length && source[at] is '-' or '+' ? source[at] : '\0';

    /// <summary>The first place from here on that is no white space.</summary>
    public static int Skip(string source, int at)
    {
        while (at < source.Length && CodePoints.IsSpace(source[at]))
        {
            at++;
        }

        return at;
    }

    public static string TrimEnd(string text)
    {
        var end = text.Length;
        while (end > 0 && CodePoints.IsSpace(text[end - 1]))
        {
            end--;
        }

        return text[..end];
    }

    public static bool IsBlank(ReadOnlySpan<char> text)
    {
        foreach (var character in text)
        {
            if (!CodePoints.IsSpace(character))
            {
                return false;
            }
        }

        return true;
    }
}
