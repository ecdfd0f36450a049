using System.Numerics;
using System.Text;
using OrleansLLM.Templates.Values;

namespace OrleansLLM.Templates.Library;

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
            if (Sign != '\0' || Alternate || Grouping != '\0')
            {
                throw TemplateError.Value("Sign, '#' and grouping are not allowed with integer format specifier 'c'");
            }

            return Pad(rendering, TextValue.Empty, new TextValue(PercentFormat.Character(value)), Align == '\0' ? '<' : Align);
        }

        RefuseGrouping(Type == 'n' || (Type is not ('\0' or 'd') && Grouping == ','));
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
        RefuseGrouping(Type == 'n');
        var precision = Precision < 0 ? 6 : Precision;
        Decimals.ChargePrecision(rendering, precision);
        var percent = Type == '%' ? "%" : "";
        var number = Type == '%' ? value * 100 : value;
        var digits = !double.IsFinite(number) ? FloatValue.Repr(Math.Abs(number)) : Type switch
        {
            'f' or 'F' or '%' => Decimals.Fixed(number, precision),
            'e' or 'E' => Decimals.Exponent(number, precision),
            'g' or 'G' or 'n' => Decimals.General(number, precision, Alternate),
            '\0' when Precision < 0 => FloatValue.Repr(Math.Abs(number)),
            '\0' => Default(number, precision),
            _ => throw Unknown("float"),
        };
        digits = Alternate && double.IsFinite(number) ? Decimals.WithPoint(digits) : digits;
        if (Type is 'F' or 'E' or 'G')
        {
            digits = digits.ToUpperInvariant();
        }

        var end = digits.AsSpan().IndexOfAnyExceptInRange('0', '9');
        var (whole, rest) = end < 0 ? (digits, "") : (digits[..end], digits[end..]);
        return PadNumber(rendering, SignOf(double.IsNegative(number)), whole, rest + percent, 3);
    }

    /// <summary>As repr, but with so many digits at most: a digit behind the point, or an exponent where there is no room for one.</summary>
    private string Default(double number, int precision)
    {
        var digits = Decimals.General(number, precision, Alternate, Math.Max(1, precision) - 1);
        return digits.AsSpan().IndexOfAny(".e") < 0 ? digits + ".0" : digits;
    }

    private void RefuseGrouping(bool refused)
    {
        if (refused && Grouping != '\0')
        {
            throw TemplateError.Value($"Cannot specify '{Grouping}' with '{Type}'.");
        }
    }

    private string SignOf(bool negative) => negative ? "-" : Sign is '+' or ' ' ? Sign.ToString() : "";

    private TextValue PadNumber(Rendering rendering, string sign, string whole, string rest, int group)
    {
        rendering.ChargeText(Width);
        if (Fill == "0" && Align == '=')
        {
            // Zeros that fill are grouped with the digits: n digits have (n - 1) / group separators.
            var room = Math.Max(0, Width - sign.Length - rest.Length);
            var wanted = Grouping == '\0' ? room : room - ((room - 1) / (group + 1));
            return new TextValue(sign + Group(whole.PadLeft(wanted, '0'), group) + rest);
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

        var grouped = new StringBuilder(digits.Length + (digits.Length / size));
        for (var at = 0; at < digits.Length; at++)
        {
            grouped.Append(at > 0 && (digits.Length - at) % size == 0 ? $"{Grouping}" : "").Append(digits[at]);
        }

        return grouped.ToString();
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
