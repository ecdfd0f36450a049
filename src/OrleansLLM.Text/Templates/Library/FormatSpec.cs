using System.Numerics;
using OrleansLLM.Text.Templates.Values;

namespace OrleansLLM.Text.Templates.Library;

/// <summary>Python's format specification: [[fill]align][sign][#][0][width][grouping][.precision][type].</summary>
internal sealed record FormatSpec(
    string Fill, char Align, char Sign, bool Alternate, int Width, char Grouping, int Precision, char Type)
{
    /// <summary>format(value, spec).</summary>
    public static TextValue Format(Rendering rendering, Value value, string spec)
    {
        if (spec.Length == 0)
        {
            return value.ToText();
        }

        return value switch
        {
            TextValue text => FormatSpecReader.Read(spec).Text(rendering, text),
            IntValue number => FormatSpecReader.Read(spec).Integer(rendering, number),
            FloatValue number => FormatSpecReader.Read(spec).Float(rendering, number.Number),
            _ => throw TemplateError.Type($"unsupported format string passed to {value.TypeName}.__format__"),
        };
    }

    private TextValue Text(Rendering rendering, TextValue text)
    {
        if (Type is not ('\0' or 's') || Sign != '\0' || Alternate || Grouping != '\0')
        {
            throw Unknown("str");
        }

        var cut = Precision >= 0 && Precision < text.CodePointCount ? text.Part(0, CodePoints.Offset(text, Precision)) : text;
        if (Align == '=' && Fill != "0")
        {
            throw TemplateError.Value("'=' alignment not allowed in string format specifier");
        }

        return Pad(rendering, TextValue.Empty, cut, Align is '\0' or '=' ? '<' : Align);
    }

    private TextValue Integer(Rendering rendering, IntValue value)
    {
        if (Type is 'e' or 'E' or 'f' or 'F' or 'g' or 'G' or '%')
        {
            return Float(rendering, Operators.Number(value));
        }

        if (Precision >= 0)
        {
            throw TemplateError.Value("Precision not allowed in integer format specifier");
        }

        if (Type == 'c')
        {
            return Pad(rendering, TextValue.Empty, new TextValue(PercentFormat.Character(value)), Align == '\0' ? '<' : Align);
        }

        var magnitude = BigInteger.Abs(value.Number);
        var (digits, prefix) = Type switch
        {
            '\0' or 'd' or 'n' => (IntValue.Of(magnitude).Digits(), ""),
            'x' => (PercentFormat.InBase(magnitude, 16), "0x"),
            'X' => (PercentFormat.InBase(magnitude, 16).ToUpperInvariant(), "0X"),
            'o' => (PercentFormat.InBase(magnitude, 8), "0o"),
            'b' => (PercentFormat.InBase(magnitude, 2), "0b"),
            _ => throw Unknown("int"),
        };
        var sign = SignOf(value.Number.Sign < 0) + (Alternate ? prefix : "");
        return PadNumber(rendering, sign, digits, "", Type is 'x' or 'X' or 'o' or 'b' ? 4 : 3);
    }

    private TextValue Float(Rendering rendering, double value)
    {
        rendering.ChargeText(Math.Max(Precision, 0));
        if (Precision > Decimals.MaxPrecision)
        {
            throw TemplateError.Limit($"a precision above {Decimals.MaxPrecision}");
        }

        var precision = Precision < 0 ? 6 : Precision;
        var percent = Type == '%' ? "%" : "";
        var number = Type == '%' ? value * 100 : value;
        var digits = !double.IsFinite(number) ? FloatValue.Repr(Math.Abs(number)) : Type switch
        {
            'f' or 'F' or '%' => Decimals.Fixed(number, precision),
            'e' or 'E' => Decimals.Exponent(number, precision),
            'g' or 'G' or 'n' => Decimals.General(number, precision, Alternate),
            '\0' when Precision < 0 => FloatValue.Repr(Math.Abs(number)),
            '\0' => WithPoint(Decimals.General(number, precision, keepZeros: false)),
            _ => throw Unknown("float"),
        };
        if (Type is 'F' or 'E' or 'G')
        {
            digits = digits.ToUpperInvariant();
        }

        var end = digits.AsSpan().IndexOfAnyExceptInRange('0', '9');
        var (whole, rest) = end < 0 ? (digits, "") : (digits[..end], digits[end..]);
        return PadNumber(rendering, SignOf(double.IsNegative(number)), whole, rest + percent, 3);
    }

    private static string WithPoint(string digits) =>
        digits.AsSpan().IndexOfAny(".e") < 0 ? digits + ".0" : digits;

    private string SignOf(bool negative) => negative ? "-" : Sign is '+' or ' ' ? Sign.ToString() : "";

    private TextValue PadNumber(Rendering rendering, string sign, string whole, string rest, int group)
    {
        rendering.ChargeText(Width);
        if (Fill == "0" && Align == '=')
        {
            // Zeros that fill are grouped with the digits.
            while (sign.Length + Group(whole, group).Length + rest.Length < Width)
            {
                var padded = "0" + whole;
                if (sign.Length + Group(padded, group).Length + rest.Length > Width && Grouping != '\0')
                {
                    whole = padded;
                    break;
                }

                whole = Grouping == '\0' ? whole.PadLeft(Width - sign.Length - rest.Length, '0') : padded;
            }

            return new TextValue(sign + Group(whole, group) + rest);
        }

        var digits = new TextValue(Group(whole, group) + rest);
        return Align == '='
            ? Pad(rendering, new TextValue(sign), digits, '=')
            : Pad(rendering, TextValue.Empty, new TextValue(sign + digits.Text), Align == '\0' ? '>' : Align);
    }

    private string Group(string digits, int size)
    {
        if (Grouping == '\0')
        {
            return digits;
        }

        var grouped = digits;
        for (var at = digits.Length - size; at > 0; at -= size)
        {
            grouped = grouped.Insert(at, Grouping.ToString());
        }

        return grouped;
    }

    private TextValue Pad(Rendering rendering, TextValue sign, TextValue text, char align)
    {
        var missing = Math.Max(0, Width - text.CodePointCount - sign.CodePointCount);
        rendering.ChargeText((long)missing * Fill.Length);
        var left = align switch
        {
            '<' => 0,
            '^' => missing / 2,
            _ => missing,
        };
        var padded = new TextBuilder();
        padded.Append(sign);
        padded.Append(string.Concat(Enumerable.Repeat(Fill, left)));
        padded.Append(text);
        padded.Append(string.Concat(Enumerable.Repeat(Fill, missing - left)));
        return padded.ToValue();
    }

    private TemplateError Unknown(string type) =>
        TemplateError.Value($"Unknown format code '{Type}' for object of type '{type}'");
}
