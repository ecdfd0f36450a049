using System.Numerics;
using OrleansLLM.Templates.Values;
using static System.FormattableString;

namespace OrleansLLM.Templates.Library;

/// <summary>Python's `text % values`.</summary>
internal sealed class PercentFormat
{
    private readonly Rendering _rendering;
    private readonly TextValue _format;
    private readonly Value _given;
    private readonly IReadOnlyList<Value> _values;
    private readonly TextBuilder _to = new();
    private int _next;
    private int _at;
    private bool _mapped;

    private PercentFormat(Rendering rendering, TextValue format, Value given)
    {
        (_rendering, _format, _given) = (rendering, format, given);
        _values = given is TupleValue tuple ? tuple.Items : [given];
    }

    public static TextValue Apply(Rendering rendering, TextValue format, Value given)
    {
        var formatting = new PercentFormat(rendering, format, given);
        formatting.Run();
        return formatting._to.ToValue(format.Kind);
    }

    /// <summary>The format c: one character, given as such or as its number.</summary>
    public static string Character(Value value) => value switch
    {
        IntValue { Number: var number } when number >= 0 && number < 0x110000 && !(number >= 0xD800 && number < 0xE000) =>
            char.ConvertFromUtf32((int)number),
        TextValue { CodePointCount: 1 } text => text.Text,
        _ => throw TemplateError.Type("%c requires int or char"),
    };

    public static string InBase(BigInteger magnitude, int numberBase)
    {
        if (magnitude.IsZero)
        {
            return "0";
        }

        var bits = numberBase switch { 2 => 1, 8 => 3, _ => 4 };
        var digits = new List<char>();
        for (; !magnitude.IsZero; magnitude >>= bits)
        {
            digits.Add("0123456789abcdef"[(int)(magnitude & (numberBase - 1))]);
        }

        digits.Reverse();
        return string.Concat(digits);
    }

    private void Run()
    {
        var text = _format.Text;
        while (_at < text.Length)
        {
            var percent = text.IndexOf('%', _at);
            var end = percent < 0 ? text.Length : percent;
            _to.Append(_format, _at, end - _at);
            _at = end + 1;
            if (percent >= 0)
            {
                Field();
            }
        }

        var isMapping = _given is not (TupleValue or TextValue) && _given is DictValue or SequenceValue or UndefinedValue or RangeValue;
        if (!_mapped && !isMapping && _next < _values.Count)
        {
            throw TemplateError.Type("not all arguments converted during string formatting");
        }
    }

    private void Field()
    {
        if (Peek() == '%')
        {
            _at++;
            _to.Append('%');
            return;
        }

        var keyed = Peek() == '(' ? Keyed() : null;
        var conversion = ReadConversion();
        _rendering.ChargeText(Math.Max(conversion.Width, Math.Max(conversion.Precision, 0)));
        Write(Convert(conversion, keyed ?? Next()), conversion);
    }

    private Conversion ReadConversion()
    {
        var flags = "";
        while ("#0- +".Contains(Peek(), StringComparison.Ordinal))
        {
            flags += Take();
        }

        var width = Size();
        if (width < 0)
        {
            (flags, width) = (flags + '-', -width);
        }

        var precision = -1;
        if (Peek() == '.')
        {
            _at++;
            precision = Math.Max(0, Size());
        }

        // C's length modifiers mean nothing here.
        while (Peek() is 'h' or 'l' or 'L')
        {
            _at++;
        }

        return new(flags, width, precision, Take());
    }

    private Value Keyed()
    {
        var depth = 1;
        var start = ++_at;
        while (depth > 0)
        {
            depth += Take() switch { '(' => 1, ')' => -1, _ => 0 };
        }

        if (_given is not DictValue dict)
        {
            throw TemplateError.Type("format requires a mapping");
        }

        _mapped = true;
        var key = _format.Text[start..(_at - 1)];
        return dict.Get(key) ?? throw TemplateError.Value($"'{key}'");
    }

    private Value Next() => _next < _values.Count ? _values[_next++] : throw TemplateError.Type("not enough arguments for format string");

    private int Size()
    {
        if (Peek() == '*')
        {
            _at++;
            return Methods.Integer(Next(), 0);
        }

        long number = 0;
        while (char.IsAsciiDigit(Peek()))
        {
            number = Math.Min((number * 10) + Take() - '0', int.MaxValue);
        }

        return (int)number;
    }

    private char Peek() => _at < _format.Text.Length ? _format.Text[_at] : '\0';

    private char Take() => _at < _format.Text.Length ? _format.Text[_at++] : throw TemplateError.Value("incomplete format");

    /// <summary>The sign or the prefix apart, so that zeros come between.</summary>
    private (string Sign, TextValue Body) Convert(Conversion conversion, Value value)
    {
        var type = conversion.Type;
        switch (type)
        {
            case 's' or 'r' or 'a':
                return ("", Cut(Escaped(type == 's' ? value.ToText() : Repr(value, type)), conversion.Precision));
            case 'c':
                return ("", new TextValue(Character(value)));
            case 'd' or 'i' or 'u' or 'x' or 'X' or 'o':
                return Integer(conversion, value);
            case 'e' or 'E' or 'f' or 'F' or 'g' or 'G':
                var number = Operators.Number(value is TextValue ? throw TemplateError.Type("must be real number, not str") : value);
                return (conversion.SignOf(double.IsNegative(number)), new TextValue(Float(conversion, number)));
            default:
                throw TemplateError.Value(Invariant($"unsupported format character '{type}' (0x{(int)type:x}) at index {_at - 1}"));
        }
    }

    private string Float(Conversion conversion, double number)
    {
        var precision = conversion.Precision < 0 ? 6 : conversion.Precision;
        Decimals.ChargePrecision(_rendering, precision);
        var text = !double.IsFinite(number) ? FloatValue.Repr(Math.Abs(number)) : char.ToLowerInvariant(conversion.Type) switch
        {
            'e' => Decimals.Exponent(number, precision),
            'f' => Decimals.Fixed(number, precision),
            _ => Decimals.General(number, precision, conversion.Has('#')),
        };
        text = conversion.Has('#') && double.IsFinite(number) ? Decimals.WithPoint(text) : text;
        return char.IsUpper(conversion.Type) ? text.ToUpperInvariant() : text;
    }

    private static (string Sign, TextValue Body) Integer(Conversion conversion, Value value)
    {
        var type = conversion.Type;
        var number = value switch
        {
            IntValue integer => integer.Number,
            FloatValue { Number: var real } when type is 'd' or 'i' or 'u' && double.IsFinite(real) => new BigInteger(real),
            UndefinedValue undefined => throw undefined.Error(),
            _ => throw TemplateError.Type($"%{type} format: a real number is required, not {value.TypeName}"),
        };
        var magnitude = BigInteger.Abs(number);
        var digits = type switch
        {
            'x' => InBase(magnitude, 16),
            'X' => InBase(magnitude, 16).ToUpperInvariant(),
            'o' => InBase(magnitude, 8),
            _ => IntValue.Of(magnitude).Digits(),
        };
        var prefix = conversion.Has('#') && type is 'x' or 'X' or 'o' ? "0" + type : "";
        return (conversion.SignOf(number.Sign < 0) + prefix, new TextValue(digits.PadLeft(Math.Max(conversion.Precision, 0), '0')));
    }

    private TextValue Escaped(TextValue text) => _format.IsMarkup ? Markup.Escape(text) : text;

    private static TextValue Repr(Value value, char type)
    {
        var text = new TextBuilder();
        value.WriteRepr(text);
        return type == 'a' && !text.ToString().All(char.IsAscii) ? throw TemplateError.NotBuilt("the format %a") : text.ToValue();
    }

    private static TextValue Cut(TextValue text, int precision) =>
        precision >= 0 && precision < text.CodePointCount ? text.Part(0, CodePoints.Offset(text, precision)) : text;

    private void Write((string Sign, TextValue Body) converted, Conversion conversion)
    {
        var (sign, body) = converted;
        var missing = Math.Max(0, conversion.Width - sign.Length - body.CodePointCount);
        var left = conversion.Has('-');
        var zeros = !left && conversion.Has('0') && conversion.Type is not ('s' or 'r' or 'a' or 'c');
        _to.Append(' ', left || zeros ? 0 : missing);
        _to.Append(sign);
        _to.Append('0', zeros ? missing : 0);
        _to.Append(body);
        _to.Append(' ', left ? missing : 0);
    }

    /// <summary>What stands between the percent sign and the letter, and the letter.</summary>
    /// <param name="Precision">-1 where none is given.</param>
    private readonly record struct Conversion(string Flags, int Width, int Precision, char Type)
    {
        public bool Has(char flag) => Flags.Contains(flag, StringComparison.Ordinal);

        public string SignOf(bool negative) => negative ? "-" : Has('+') ? "+" : Has(' ') ? " " : "";
    }
}
