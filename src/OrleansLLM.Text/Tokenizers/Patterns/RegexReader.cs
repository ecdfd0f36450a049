using System.Globalization;
using System.Text;

namespace OrleansLLM.Text.Tokenizers.Patterns;

/// <summary>Reads a regular expression character by character.</summary>
/// <param name="pattern">The regular expression.</param>
/// <param name="supplementary">Made after an earlier reading where <see cref="Named"/> was not empty.</param>
internal sealed class RegexReader(string pattern, SupplementaryUnits? supplementary)
{
    private readonly HashSet<(int First, int Last)> _named = [];

    public SupplementaryUnits? Supplementary => supplementary;

    /// <summary>Ranges that the pattern names and that the units for the categories of characters above U+FFFF can't keep apart.</summary>
    public IReadOnlyCollection<(int First, int Last)> Named => _named;

    public int Position { get; private set; }

    public bool AtEnd => Position >= pattern.Length;

    public char Peek => AtEnd ? throw Error("it ends too early") : pattern[Position];

    public char Next()
    {
        var next = Peek;
        Position++;
        return next;
    }

    public bool TryTake(string expected)
    {
        if (!pattern.AsSpan(Position).StartsWith(expected, StringComparison.Ordinal))
        {
            return false;
        }

        Position += expected.Length;
        return true;
    }

    public bool Follows(string expected) => pattern.AsSpan(Position).StartsWith(expected, StringComparison.Ordinal);

    /// <summary>What stands before the next <paramref name="end"/>, which is passed.</summary>
    public string TakeThrough(char end)
    {
        var at = pattern.IndexOf(end, Position);
        if (at < 0)
        {
            throw Error($"a '{end}' is missing");
        }

        var taken = pattern[Position..at];
        Position = at + 1;
        return taken;
    }

    /// <summary>The next character.</summary>
    public int NextCodePoint()
    {
        var rune = Runes.At(pattern, Position);
        Position += Runes.LengthAt(pattern, Position);
        return rune.Value;
    }

    /// <summary>Takes note of a range of code points.</summary>
    public void Name(int first, int last)
    {
        if (last > char.MaxValue || StandIns.AnyIn(first, last))
        {
            _named.Add((first, last));
        }
    }

    /// <summary>{n}, {n,}, {n,m} or {,m} at the position, as .NET writes it.</summary>
    public bool TryInterval(out string interval)
    {
        interval = string.Empty;
        var end = pattern.IndexOf('}', Position);
        var parts = end < 0 ? [] : pattern[(Position + 1)..end].Split(',');
        if (parts.Length is not (1 or 2) || parts.All(part => part.Length == 0)
            || parts.Any(part => part.Length > 6 || !part.All(char.IsAsciiDigit)))
        {
            return false;
        }

        Position = end + 1;
        interval = parts.Length == 1 ? $"{{{parts[0]}}}" : $"{{{(parts[0].Length == 0 ? "0" : parts[0])},{parts[1]}}}";
        return true;
    }

    /// <summary>The character that an escape names; the backslash is behind.</summary>
    public int EscapedCodePoint()
    {
        var escape = Next();
        switch (escape)
        {
            case 'x' when TryTake("{"):
                return Hex(TakeThrough('}'));
            case 'x':
                return Hex(Take(2));
            case 'u':
                return Hex(Take(4));
            case '0':
                return '\0';
            case 'n':
                return '\n';
            case 'r':
                return '\r';
            case 't':
                return '\t';
            case 'f':
                return '\f';
            case 'v':
                return '\v';
            case 'a':
                return '\a';
            case 'e':
                return '\u001B';
            default:
                if (char.IsAsciiLetterOrDigit(escape))
                {
                    throw Error($"'\\{escape}' is not built");
                }

                Position--;
                return NextCodePoint();
        }
    }

    public TokenizerException Error(string what) =>
        new($"the regular expression '{pattern}' can't be read at position {Position}: {what}");

    private string Take(int count)
    {
        var taken = new StringBuilder();
        while (taken.Length < count && !AtEnd && char.IsAsciiHexDigit(Peek))
        {
            taken.Append(Next());
        }

        return taken.ToString();
    }

    private int Hex(string digits) => int.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value)
        && value is >= 0 and <= 0x10FFFF ? value : throw Error($"'{digits}' is no code point");
}
