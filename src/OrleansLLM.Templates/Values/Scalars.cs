using System.Globalization;
using System.Numerics;
using static System.FormattableString;

namespace OrleansLLM.Templates.Values;

internal sealed class NoneValue : Value
{
    public static readonly NoneValue Instance = new();

    public override string TypeName => "NoneType";

    public override bool IsTrue => false;

    public override void WriteRepr(TextBuilder to) => to.Append("None");
}

/// <summary>int and bool, which is an int in Python.</summary>
internal sealed class IntValue : Value
{
    /// <summary>More digits than this Python refuses to print, and so do we.</summary>
    public const int MaxDigits = 4300;

    private const int MaxBits = 1 << 17;
    private static readonly IntValue[] Small = [.. Enumerable.Range(-8, 265).Select(number => new IntValue(number, IntKind.Integer))];

    private IntValue(BigInteger number, IntKind kind) => (Number, Kind) = (number, kind);

    private enum IntKind
    {
        Integer,
        Boolean,
    }

    public static IntValue True { get; } = new(1, IntKind.Boolean);

    public static IntValue False { get; } = new(0, IntKind.Boolean);

    public BigInteger Number { get; }

    public bool IsBoolean => Kind == IntKind.Boolean;

    public override string TypeName => IsBoolean ? "bool" : "int";

    public override bool IsTrue => !Number.IsZero;

    private IntKind Kind { get; }

    public static IntValue Of(bool value) => value ? True : False;

    public static IntValue Of(int value) => value is >= -8 and <= 256 ? Small[value + 8] : new(value, IntKind.Integer);

    public static IntValue Of(BigInteger value)
    {
        if (value.GetBitLength() > MaxBits)
        {
            throw TemplateError.Limit($"an integer of more than {MaxBits} bits");
        }

        return new(value, IntKind.Integer);
    }

    /// <summary>The number as an index or a count, clamped to int's range.</summary>
    public int Clamp() => Number > int.MaxValue ? int.MaxValue : Number < int.MinValue ? int.MinValue : (int)Number;

    public override Value? Attribute(string name) => name switch
    {
        "real" or "numerator" => Of(Number),
        "imag" => Of(0),
        "denominator" => Of(1),
        _ => Library.Methods.Bind(Library.NumberMethods.Int, this, name),
    };

    public override void WriteRepr(TextBuilder to) =>
        to.Append(IsBoolean ? (IsTrue ? "True" : "False") : Digits());

    public string Digits()
    {
        if (Number.GetBitLength() > MaxDigits * 4)
        {
            throw TemplateError.Limit($"Exceeds the limit ({MaxDigits} digits) for integer string conversion");
        }

        Operators.ChargeProduct(Rendering.Current, Number.GetBitLength(), Number.GetBitLength());
        return Number.ToString(CultureInfo.InvariantCulture);
    }
}

internal sealed class FloatValue(double number) : Value
{
    public double Number { get; } = number;

    public override string TypeName => "float";

    public override bool IsTrue => Number != 0;

    public override Value? Attribute(string name) => name switch
    {
        "real" => this,
        "imag" => new FloatValue(0),
        _ => Library.Methods.Bind(Library.NumberMethods.Float, this, name),
    };

    public override void WriteRepr(TextBuilder to) => to.Append(Repr(Number));

    /// <summary>Python's repr of a float: the shortest digits that read back, an exponent below 1e-4 and from 1e16 on.</summary>
    public static string Repr(double number)
    {
        if (!double.IsFinite(number))
        {
            return double.IsNaN(number) ? "nan" : number > 0 ? "inf" : "-inf";
        }

        var shortest = number.ToString("R", CultureInfo.InvariantCulture);
        var sign = double.IsNegative(number) ? "-" : "";
        var (digits, exponent) = Decompose(shortest);
        if (number == 0)
        {
            return sign + "0.0";
        }

        if (exponent is < -4 or >= 16)
        {
            var fraction = digits.Length > 1 ? "." + digits[1..] : "";
            return Invariant($"{sign}{digits[0]}{fraction}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}");
        }

        if (exponent < 0)
        {
            return sign + "0." + new string('0', -exponent - 1) + digits;
        }

        return digits.Length <= exponent + 1
            ? sign + digits.PadRight(exponent + 1, '0') + ".0"
            : sign + digits[..(exponent + 1)] + "." + digits[(exponent + 1)..];
    }

    /// <summary>Significant digits without leading and trailing zeros, and the exponent of the first.</summary>
    private static (string Digits, int Exponent) Decompose(string shortest)
    {
        var mantissa = shortest.TrimStart('-');
        var exponent = 0;
        var at = mantissa.IndexOf('E', StringComparison.Ordinal);
        if (at >= 0)
        {
            exponent = int.Parse(mantissa.AsSpan(at + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
            mantissa = mantissa[..at];
        }

        var point = mantissa.IndexOf('.', StringComparison.Ordinal);
        var whole = point < 0 ? mantissa : mantissa[..point];
        var all = point < 0 ? mantissa : whole + mantissa[(point + 1)..];
        var leading = all.Length - all.TrimStart('0').Length;
        var digits = all.Trim('0');
        return (digits.Length == 0 ? "0" : digits, exponent + whole.Length - 1 - leading);
    }
}
