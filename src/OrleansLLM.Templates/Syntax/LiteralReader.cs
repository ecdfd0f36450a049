using System.Globalization;
using System.Text;
using OrleansLLM.Templates.Values;

namespace OrleansLLM.Templates.Syntax;

/// <summary>Reads the literals of an expression: numbers and strings, as Python writes them.</summary>
internal static class LiteralReader
{
    /// <summary>The number that begins here: a float where it has a fraction or an exponent; null where none begins.</summary>
    public static (TokenKind Kind, int Length)? Number(string source, int at)
    {
        if (!char.IsAsciiDigit(source[at]))
        {
            return null;
        }

        var afterPoint = at > 0 && source[at - 1] == '.';
        var whole = Digits(source, at, char.IsAsciiDigit);
        var end = at + whole;
        var fraction = end < source.Length && source[end] == '.' ? Digits(source, end + 1, char.IsAsciiDigit) : 0;
        var exponentAt = fraction > 0 ? end + 1 + fraction : end;
        var exponent = Exponent(source, exponentAt);
        if (!afterPoint && fraction + exponent > 0)
        {
            return (TokenKind.Float, exponentAt + exponent - at);
        }

        return (TokenKind.Integer, IntegerLength(source, at, whole));
    }

    public static Value Value(Token token)
    {
        var text = token.Text.Replace("_", "", StringComparison.Ordinal);
        if (token.Kind == TokenKind.Float)
        {
            return new FloatValue(double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture));
        }

        var numberBase = text.Length > 1 ? char.ToLowerInvariant(text[1]) switch { 'x' => 16, 'o' => 8, 'b' => 2, _ => 10 } : 10;
        var digits = numberBase == 10 ? text : text[2..];
        if (digits.Length > IntValue.MaxDigits)
        {
            throw TemplateError.Syntax($"an integer of more than {IntValue.MaxDigits} digits");
        }

        return IntValue.Of(digits.Aggregate(
            System.Numerics.BigInteger.Zero, (number, digit) => (number * numberBase) + Convert.ToInt32(digit.ToString(), 16)));
    }

    /// <summary>Where the string literal that begins here ends, or -1.</summary>
    public static int TextEnd(string source, int at)
    {
        var quote = source[at];
        for (var end = at + 1; end < source.Length; end++)
        {
            if (source[end] == '\\')
            {
                end++;
            }
            else if (source[end] == quote)
            {
                return end + 1;
            }
        }

        return -1;
    }

    /// <summary>What a string literal stands for; an unknown escape stays as it is.</summary>
    public static string Unescape(string text)
    {
        if (!text.Contains('\\', StringComparison.Ordinal))
        {
            return text;
        }

        var unescaped = new StringBuilder();
        for (var at = 0; at < text.Length; at++)
        {
            if (text[at] != '\\')
            {
                unescaped.Append(text[at]);
                continue;
            }

            at++;
            var (replacement, length) = Escape(text, at);
            unescaped.Append(replacement);
            at += length - 1;
        }

        return unescaped.ToString();
    }

    private static (string Text, int Length) Escape(string text, int at) => text[at] switch
    {
        '\n' => ("", 1),
        '\\' or '\'' or '"' => (text[at].ToString(), 1),
        'a' => ("\a", 1),
        'b' => ("\b", 1),
        'f' => ("\f", 1),
        'n' => ("\n", 1),
        'r' => ("\r", 1),
        't' => ("\t", 1),
        'v' => ("\v", 1),
        'x' => Hexadecimal(text, at, 2, 'x'),
        'u' => Hexadecimal(text, at, 4, 'u'),
        'U' => Hexadecimal(text, at, 8, 'U'),
        'N' => throw TemplateError.NotBuilt("string escapes by character name (\\N{...})"),
        >= '0' and <= '7' => Octal(text, at),
        _ => ("\\" + text[at], 1),
    };

    private static (string Text, int Length) Hexadecimal(string text, int at, int digits, char kind)
    {
        if (at + 1 + digits > text.Length
            || !uint.TryParse(text.AsSpan(at + 1, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value))
        {
            throw TemplateError.Syntax($"truncated \\{kind} escape");
        }

        return value > 0x10FFFF ? throw TemplateError.Syntax("illegal Unicode character") : (Character(value), 1 + digits);
    }

    private static (string Text, int Length) Octal(string text, int at)
    {
        var length = 0;
        uint value = 0;
        while (length < 3 && at + length < text.Length && text[at + length] is >= '0' and <= '7')
        {
            value = (value * 8) + text[at + length] - '0';
            length++;
        }

        return (Character(value), length);
    }

    private static string Character(uint value) => value < 0x10000 ? ((char)value).ToString() : char.ConvertFromUtf32((int)value);

    /// <summary>How many characters of digits stand here, single underscores between them.</summary>
    private static int Digits(string source, int at, Func<char, bool> isDigit)
    {
        var end = at;
        while (end < source.Length && (isDigit(source[end])
            || (source[end] == '_' && end > at && end + 1 < source.Length && isDigit(source[end + 1]))))
        {
            end++;
        }

        return end - at;
    }

    private static int Exponent(string source, int at)
    {
        if (at >= source.Length || source[at] is not ('e' or 'E'))
        {
            return 0;
        }

        var sign = at + 1 < source.Length && source[at + 1] is '+' or '-' ? 1 : 0;
        var digits = Digits(source, at + 1 + sign, char.IsAsciiDigit);
        return digits == 0 ? 0 : 1 + sign + digits;
    }

    private static int IntegerLength(string source, int at, int whole)
    {
        if (source[at] != '0')
        {
            return whole;
        }

        Func<char, bool>? digits = at + 1 < source.Length ? char.ToLowerInvariant(source[at + 1]) switch
        {
            'x' => char.IsAsciiHexDigit,
            'o' => digit => digit is >= '0' and <= '7',
            'b' => digit => digit is '0' or '1',
            _ => null,
        }
        : null;
        if (digits is not null)
        {
            var prefix = at + 2 < source.Length && source[at + 2] == '_' ? 3 : 2;
            var length = Digits(source, at + prefix, digits);
            if (length > 0)
            {
                return prefix + length;
            }
        }

        return Digits(source, at, digit => digit == '0');
    }
}
