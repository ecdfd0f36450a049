using System.Globalization;
using System.Text;
using static System.FormattableString;

namespace OrleansLLM.Text.Tokenizers.Patterns;

/// <summary>Reads a regular expression character by character.</summary>
internal sealed class RegexReader(string pattern)
{
    public int Position { get; private set; }

    public bool AtEnd => Position >= pattern.Length;

    public char Peek => AtEnd ? throw Error("it ends too early") : pattern[Position];

    /// <summary>The unit before the position.</summary>
    public char Previous => pattern[Position - 1];

    public char Next()
    {
        var next = Peek;
        Position++;
        return next;
    }

    /// <summary>Goes back to an earlier position.</summary>
    public void Return(int position) => Position = position;

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

    /// <summary>The name of [:name:] at the position, which is passed, with a ^ where it has one; null where there is none.</summary>
    public string? TryTakePosixName()
    {
        if (!Follows("[:"))
        {
            return null;
        }

        var start = Position + 2;
        var end = start + (start < pattern.Length && pattern[start] == '^' ? 1 : 0);
        while (end < pattern.Length && char.IsLetter(pattern[end]))
        {
            end++;
        }

        if (end == start || !pattern.AsSpan(end).StartsWith(":]", StringComparison.Ordinal))
        {
            return null;
        }

        Position = end + 2;
        return pattern[start..end];
    }

    /// <summary>A whole number at the position, or null.</summary>
    public int? TryTakeNumber()
    {
        var end = Position;
        while (end < pattern.Length && char.IsAsciiDigit(pattern[end]))
        {
            end++;
        }

        if (!int.TryParse(pattern.AsSpan(Position, end - Position), NumberStyles.None, CultureInfo.InvariantCulture, out var number))
        {
            return null;
        }

        Position = end;
        return number;
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

    /// <summary>The character that an escape names in a class, where \b is a backspace; the backslash is behind.</summary>
    public int EscapedCodePointInClass() => TryTake("b") ? '\b' : EscapedCodePoint();

    /// <summary>The character that an escape names; the backslash is behind.</summary>
    public int EscapedCodePoint()
    {
        var escape = Next();
        switch (escape)
        {
            case 'x' when TryTake("{"):
                return Hex(TakeThrough('}'));
            case 'x':
                return Bytes(Hex(Take(2)));
            case 'u':
                return Hex(Take(4));
            case >= '0' and <= '7':
                Position--;
                return Octal(digits: 3);
            case '8' or '9':
                return escape;
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
        new(Invariant($"the regular expression '{pattern}' can't be read at position {Position}: {what}"));

    /// <summary>A character whose UTF-8 bytes are written as \xHH each; one below 0x80 is the character.</summary>
    private int Bytes(int first)
    {
        Span<byte> utf8 = [(byte)first, 0, 0, 0];
        var length = first switch { < 0x80 => 1, < 0xE0 => 2, < 0xF0 => 3, _ => 4 };
        for (var i = 1; i < length; i++)
        {
            utf8[i] = TryTake("\\x") ? (byte)Hex(Take(2)) : throw Error($"\\x{first:X2} begins no character in UTF-8");
        }

        return Rune.DecodeFromUtf8(utf8[..length], out var rune, out _) == System.Buffers.OperationStatus.Done
            ? rune.Value
            : throw Error($"\\x{first:X2} begins no character in UTF-8");
    }

    private int Octal(int digits)
    {
        var value = 0;
        for (; digits > 0 && !AtEnd && Peek is >= '0' and <= '7'; digits--)
        {
            value = (value * 8) + Next() - '0';
        }

        return value < 0x80 ? value : throw Error("an octal escape above \\177 is not built");
    }

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
