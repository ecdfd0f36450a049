using System.Globalization;
using System.Text;

namespace OrleansLLM.Text.Tokenizers.Patterns;

/// <summary>Writes characters as .NET's regular expressions read them.</summary>
internal static class NetText
{
    /// <summary>One unit outside of a class.</summary>
    public static string Literal(char unit) => unit switch
    {
        '\\' or '*' or '+' or '?' or '|' or '{' or '}' or '[' or ']' or '(' or ')' or '^' or '$' or '.' => "\\" + unit,
        < ' ' => Escape(unit),
        _ => unit.ToString(),
    };

    /// <summary>One unit in a class.</summary>
    public static string InClass(char unit) => unit switch
    {
        '\r' => @"\r",
        '\n' => @"\n",
        '\t' => @"\t",
        '\\' or '[' or ']' or '^' or '-' => "\\" + unit,
        < ' ' => Escape(unit),
        _ => unit.ToString(),
    };

    /// <summary>A class of ranges of units; one that nothing belongs to never matches.</summary>
    public static string Class(IEnumerable<(int First, int Last)> ranges)
    {
        var text = new StringBuilder("[");
        foreach (var (first, last) in ranges)
        {
            text.Append(Escape((char)first));
            if (last > first)
            {
                text.Append('-').Append(Escape((char)last));
            }
        }

        return text.Length == 1 ? "(?!)" : text.Append(']').ToString();
    }

    private static string Escape(char unit) => string.Create(CultureInfo.InvariantCulture, $"\\u{(int)unit:X4}");
}
