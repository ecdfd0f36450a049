using System.Globalization;
using System.Numerics;
using OrleansLLM.Templates.Values;
using static System.FormattableString;

namespace OrleansLLM.Templates.Library;

/// <summary>Floats to decimals as C and Python round them: by the exact binary value, ties to even. Numbers are finite, precision at most <see cref="MaxPrecision"/>.</summary>
internal static class Decimals
{
    public const int MaxPrecision = 5000;

    /// <summary>Rounded up.</summary>
    public const int BitsPerDigit = 4;

    /// <summary>Asked before a number is written with so many digits.</summary>
    public static void ChargePrecision(Rendering rendering, int precision)
    {
        if (precision > MaxPrecision)
        {
            throw TemplateError.Limit($"a precision above {MaxPrecision}");
        }

        Operators.ChargeProduct(rendering, 2 * precision * BitsPerDigit, 2 * precision * BitsPerDigit);
    }

    /// <summary>Format %.{precision}f without a sign.</summary>
    public static string Fixed(double number, int precision)
    {
        var digits = Scaled(Math.Abs(number), precision).ToString(CultureInfo.InvariantCulture).PadLeft(precision + 1, '0');
        return precision == 0 ? digits : $"{digits[..^precision]}.{digits[^precision..]}";
    }

    /// <summary>Format %.{precision}e without a sign.</summary>
    public static string Exponent(double number, int precision)
    {
        var (digits, exponent) = Significant(number, precision + 1);
        var fraction = precision == 0 ? "" : "." + digits[1..];
        return Invariant($"{digits[0]}{fraction}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}");
    }

    /// <summary>Format %.{precision}g without a sign.</summary>
    /// <param name="exponentFrom">From this power of ten on the number is written with an exponent; %g: from the precision on.</param>
    public static string General(double number, int precision, bool keepZeros, int? exponentFrom = null)
    {
        precision = Math.Max(1, precision);
        var (digits, exponent) = Significant(number, precision);
        if (exponent < -4 || exponent >= (exponentFrom ?? precision))
        {
            var kept = keepZeros ? digits : digits[..1] + digits[1..].TrimEnd('0');
            var fraction = kept.Length > 1 || keepZeros ? "." + kept[1..] : "";
            return Invariant($"{kept[0]}{fraction}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}");
        }

        var text = exponent < 0
            ? "0." + new string('0', -exponent - 1) + digits
            : digits.Length == exponent + 1 ? digits + "." : digits[..(exponent + 1)] + "." + digits[(exponent + 1)..];
        return keepZeros ? text : text.TrimEnd('0').TrimEnd('.');
    }

    /// <summary>The digits with a point, behind which none need follow.</summary>
    public static string WithPoint(string digits) => digits.Contains('.', StringComparison.Ordinal) ? digits
        : digits.IndexOf('e', StringComparison.Ordinal) is >= 0 and var exponent ? digits.Insert(exponent, ".")
        : digits + ".";

    /// <summary>Python's round(number, precision).</summary>
    public static double Round(double number, int precision)
    {
        if (!double.IsFinite(number) || precision > 330)
        {
            return number;
        }

        if (precision < -310)
        {
            return Math.CopySign(0, number);
        }

        var scaled = Scaled(Math.Abs(number), precision);
        var rounded = double.Parse(Invariant($"{scaled}E{-precision}"), NumberStyles.Float, CultureInfo.InvariantCulture);
        return double.IsFinite(rounded)
            ? Math.CopySign(rounded, number)
            : throw TemplateError.Value("rounded value too large to represent");
    }

    /// <summary>Python's round of an int to a negative number of digits.</summary>
    public static BigInteger Round(BigInteger number, int precision)
    {
        if (precision >= 0)
        {
            return number;
        }

        if (precision < -MaxPrecision)
        {
            return 0;
        }

        var unit = BigInteger.Pow(10, -precision);
        return HalfEven(BigInteger.Abs(number), unit) * unit * number.Sign;
    }

    private static (string Digits, int Exponent) Significant(double number, int count)
    {
        number = Math.Abs(number);
        if (number == 0)
        {
            return (new string('0', count), 0);
        }

        var exponent = (int)Math.Floor(Math.Log10(number));
        while (true)
        {
            var digits = Scaled(number, count - 1 - exponent).ToString(CultureInfo.InvariantCulture);
            if (digits.Length == count)
            {
                return (digits, exponent);
            }

            // The estimate was off by one, or rounding made a digit more.
            exponent += digits.Length > count ? 1 : -1;
        }
    }

    /// <summary>number * 10^places as an integer.</summary>
    private static BigInteger Scaled(double number, int places)
    {
        var bits = BitConverter.DoubleToInt64Bits(number);
        var exponent = (int)((bits >> 52) & 0x7FF);
        var mantissa = bits & 0xFFFFFFFFFFFFF;
        (mantissa, exponent) = exponent == 0 ? (mantissa, -1074) : (mantissa | (1L << 52), exponent - 1075);
        var numerator = new BigInteger(mantissa) << Math.Max(exponent, 0);
        var denominator = BigInteger.One << Math.Max(-exponent, 0);
        numerator *= BigInteger.Pow(10, Math.Max(places, 0));
        denominator *= BigInteger.Pow(10, Math.Max(-places, 0));
        return HalfEven(numerator, denominator);
    }

    private static BigInteger HalfEven(BigInteger numerator, BigInteger denominator)
    {
        var quotient = BigInteger.DivRem(numerator, denominator, out var rest);
        var compared = (rest * 2).CompareTo(denominator);
        return compared > 0 || (compared == 0 && !quotient.IsEven) ? quotient + 1 : quotient;
    }
}
