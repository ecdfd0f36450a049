using System.Globalization;
using System.Numerics;
using OrleansLLM.Templates.Values;
using static System.FormattableString;

namespace OrleansLLM.Templates.Library;

/// <summary>Filters on numbers.</summary>
internal static class NumberFilters
{
    public static Value Abs(Rendering rendering, Value value, Value?[] given) => value switch
    {
        IntValue number => IntValue.Of(BigInteger.Abs(number.Number)),
        FloatValue number => new FloatValue(Math.Abs(number.Number)),
        UndefinedValue undefined => throw undefined.Error(),
        _ => throw TemplateError.Type($"bad operand type for abs(): '{value.TypeName}'"),
    };

    public static Value ToInt(Rendering rendering, Value value, Value?[] given)
    {
        var fallback = given[0] ?? IntValue.Of(0);
        switch (value)
        {
            case IntValue number:
                return IntValue.Of(number.Number);
            case FloatValue { Number: var number }:
                return double.IsFinite(number) ? IntValue.Of(new BigInteger(number))
                    : double.IsNaN(number) ? fallback
                    : throw TemplateError.Value("cannot convert float infinity to integer");
            case TextValue text:
                return ParseInt(text.Text, Methods.Integer(given[1], 10)) is { } parsed ? IntValue.Of(parsed)
                    : ParseFloat(text.Text) is { } real && double.IsFinite(real) ? IntValue.Of(new BigInteger(real))
                    : fallback;
            case UndefinedValue undefined:
                throw undefined.Error();
            default:
                return fallback;
        }
    }

    public static Value ToFloat(Rendering rendering, Value value, Value?[] given) => value switch
    {
        FloatValue => value,
        IntValue => new FloatValue(Operators.Number(value)),
        TextValue text when ParseFloat(text.Text) is { } parsed => new FloatValue(parsed),
        UndefinedValue undefined => throw undefined.Error(),
        _ => given[0] ?? new FloatValue(0),
    };

    public static Value Round(Rendering rendering, Value value, Value?[] given)
    {
        var method = given[1] is null ? "common" : given[1]!.ToText().Text;
        if (method is not ("common" or "ceil" or "floor"))
        {
            throw TemplateError.Value("method must be common, ceil or floor");
        }

        var precision = given[0] ?? IntValue.Of(0);
        if (method == "common")
        {
            return value switch
            {
                IntValue number => IntValue.Of(Decimals.Round(number.Number, precision is NoneValue ? 0 : Methods.Integer(precision, 0))),
                FloatValue { Number: var number } when precision is NoneValue => IntValue.Of(new BigInteger(Decimals.Round(number, 0))),
                FloatValue { Number: var number } => new FloatValue(Decimals.Round(number, Methods.Integer(precision, 0))),
                UndefinedValue undefined => throw undefined.Error(),
                _ => throw TemplateError.Type($"type {value.TypeName} doesn't define __round__ method"),
            };
        }

        var unit = Operators.Apply(rendering, "**", IntValue.Of(10), precision);
        var scaled = Operators.Apply(rendering, "*", value, unit);
        if (scaled is not IntValue)
        {
            var number = Operators.Number(scaled);
            scaled = double.IsFinite(number)
                ? IntValue.Of(new BigInteger(method == "ceil" ? Math.Ceiling(number) : Math.Floor(number)))
                : throw TemplateError.Value("cannot convert float infinity to integer");
        }

        return Operators.Apply(rendering, "/", scaled, unit);
    }

    public static Value Sum(Rendering rendering, Value value, Value?[] given)
    {
        var total = given[1] ?? IntValue.Of(0);
        if (total is TextValue)
        {
            throw TemplateError.Type("sum() can't sum strings [use ''.join(seq) instead]");
        }

        var path = Access.Parts(given[0]);
        foreach (var item in value.ToList(rendering))
        {
            total = Operators.Apply(rendering, "+", total, Access.Path(item, path, null));
        }

        return total;
    }

    public static Value FileSize(Rendering rendering, Value value, Value?[] given)
    {
        var bytes = value is TextValue text
            ? ParseFloat(text.Text) ?? throw TemplateError.Value($"could not convert string to float: '{text.Text}'")
            : Operators.Number(value);
        var binary = Methods.IsTrue(given[0]);
        double unit = binary ? 1024 : 1000;
        if (bytes == 1)
        {
            return new TextValue("1 Byte");
        }

        if (bytes < unit)
        {
            return new TextValue(Invariant($"{new BigInteger(bytes)} Bytes"));
        }

        var prefix = 0;
        var scale = unit * unit;
        while (bytes >= scale && prefix < 7)
        {
            scale *= unit;
            prefix++;
        }

        var letter = binary ? "KMGTPEZY"[prefix] + "iB" : "kMGTPEZY"[prefix] + "B";
        return new TextValue($"{Decimals.Fixed(unit * bytes / scale, 1)} {letter}");
    }

    /// <summary>Python's int(text, base); null where it raises.</summary>
    private static BigInteger? ParseInt(string text, int numberBase)
    {
        var digits = Trim(text);
        var negative = digits.StartsWith('-');
        digits = digits.TrimStartOnce("+-");
        if (numberBase is not (0 or (>= 2 and <= 36)))
        {
            return null;
        }

        var prefix = digits.Length > 1 && digits[0] == '0' ? char.ToLowerInvariant(digits[1]) switch { 'x' => 16, 'o' => 8, 'b' => 2, _ => 0 } : 0;
        if (prefix > 0 && numberBase is 0 || prefix == numberBase && prefix > 0)
        {
            (numberBase, digits) = (prefix, digits[2..].TrimStartOnce("_"));
        }
        else if (numberBase == 0)
        {
            numberBase = digits.Length > 1 && digits[0] == '0' && digits.AsSpan().IndexOfAnyExcept("0_") >= 0 ? 0 : 10;
        }

        return numberBase == 0 ? null : Digits(digits, numberBase) is { } number ? negative ? -number : number : null;
    }

    private static BigInteger? Digits(string digits, int numberBase)
    {
        if (digits.Length is 0 or > IntValue.MaxDigits || digits.StartsWith('_') || digits.EndsWith('_') || digits.Contains("__", StringComparison.Ordinal))
        {
            return null;
        }

        var bits = 2 * digits.Length * Decimals.BitsPerDigit;
        Operators.ChargeProduct(Rendering.Current, bits, bits);
        var number = BigInteger.Zero;
        for (var at = 0; at < digits.Length; at++)
        {
            if (digits[at] == '_')
            {
                continue;
            }

            var digit = char.IsAsciiLetter(digits[at]) ? char.ToLowerInvariant(digits[at]) - 'a' + 10 : CharUnicodeInfo.GetDecimalDigitValue(digits[at]);
            if (digit < 0 || digit >= numberBase)
            {
                return null;
            }

            number = (number * numberBase) + digit;
        }

        return number;
    }

    /// <summary>Python's float(text); null where it raises.</summary>
    private static double? ParseFloat(string text)
    {
        var digits = Trim(text);
        var name = digits.TrimStartOnce("+-");
        if (name.Equals("inf", StringComparison.OrdinalIgnoreCase) || name.Equals("infinity", StringComparison.OrdinalIgnoreCase))
        {
            return digits.StartsWith('-') ? double.NegativeInfinity : double.PositiveInfinity;
        }

        if (name.Equals("nan", StringComparison.OrdinalIgnoreCase))
        {
            return double.NaN;
        }

        for (var at = digits.IndexOf('_', StringComparison.Ordinal); at >= 0; at = digits.IndexOf('_', StringComparison.Ordinal))
        {
            if (at == 0 || at + 1 == digits.Length || !char.IsAsciiDigit(digits[at - 1]) || !char.IsAsciiDigit(digits[at + 1]))
            {
                return null;
            }

            digits = digits.Remove(at, 1);
        }

        const NumberStyles Styles = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        return name.Length > 0 && (char.IsAsciiDigit(name[0]) || name[0] == '.')
            && double.TryParse(digits, Styles, CultureInfo.InvariantCulture, out var number) ? number : null;
    }

    private static string Trim(string text) => TextOperations.Strip(new TextValue(text), null, StripEnds.Both).Text;

    private static string TrimStartOnce(this string text, string characters) =>
        text.Length > 0 && characters.Contains(text[0], StringComparison.Ordinal) ? text[1..] : text;
}
