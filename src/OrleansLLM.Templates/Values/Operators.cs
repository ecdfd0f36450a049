using System.Numerics;

namespace OrleansLLM.Templates.Values;

/// <summary>Python's arithmetic on values.</summary>
internal static class Operators
{
    /// <summary>What long arithmetic multiplies, bit by bit, in the time of a step.</summary>
    private const int BitProductsPerStep = 1 << 16;

    /// <summary>Asked before integers of so many bits are multiplied, divided, written or read.</summary>
    public static void ChargeProduct(Rendering? rendering, long leftBits, long rightBits) =>
        rendering?.Charge(leftBits * rightBits / BitProductsPerStep);

    public static Value Apply(Rendering rendering, string operation, Value left, Value right)
    {
        if (operation == "%" && left is TextValue text)
        {
            return Library.PercentFormat.Apply(rendering, text, right);
        }

        if (left is UndefinedValue || right is UndefinedValue)
        {
            throw ((left as UndefinedValue) ?? (UndefinedValue)right).Error();
        }

        return (left, right) switch
        {
            (IntValue a, IntValue b) => Integers(operation, a.Number, b.Number),
            (IntValue or FloatValue, IntValue or FloatValue) => Floats(operation, Number(left), Number(right)),
            _ when operation == "+" => Add(rendering, left, right),
            (IntValue count, _) when operation == "*" && right is TextValue or SequenceValue => Repeat(rendering, right, count.Number),
            (_, IntValue count) when operation == "*" && left is TextValue or SequenceValue => Repeat(rendering, left, count.Number),
            _ => throw Unsupported(operation, left, right),
        };
    }

    public static Value Negate(Value value) => value switch
    {
        IntValue number => IntValue.Of(-number.Number),
        FloatValue number => new FloatValue(-number.Number),
        UndefinedValue undefined => throw undefined.Error(),
        _ => throw TemplateError.Type($"bad operand type for unary -: '{value.TypeName}'"),
    };

    public static Value Plus(Value value) => value switch
    {
        IntValue number => IntValue.Of(number.Number),
        FloatValue => value,
        UndefinedValue undefined => throw undefined.Error(),
        _ => throw TemplateError.Type($"bad operand type for unary +: '{value.TypeName}'"),
    };

    /// <summary>The value of a number as a float.</summary>
    public static double Number(Value value) => value switch
    {
        FloatValue number => number.Number,
        IntValue { Number: var number } => double.IsFinite((double)number)
            ? (double)number
            : throw TemplateError.Value("int too large to convert to float"),
        UndefinedValue undefined => throw undefined.Error(),
        _ => throw TemplateError.Type($"must be real number, not {value.TypeName}"),
    };

    public static TextValue Concatenate(Rendering rendering, params ReadOnlySpan<TextValue> parts)
    {
        var text = new TextBuilder();
        foreach (var part in parts)
        {
            rendering.Charge(1);
            text.Append(part);
        }

        return text.ToValue();
    }

    public static Value Add(Rendering rendering, Value left, Value right)
    {
        switch (left, right)
        {
            case (TextValue a, TextValue b):
                return a.IsMarkup || b.IsMarkup
                    ? Concatenate(rendering, Library.Markup.Escape(a), Library.Markup.Escape(b)).As(MarkupKind.Markup)
                    : Concatenate(rendering, a, b);
            case (ListValue or TupleValue, ListValue or TupleValue) when left.GetType() == right.GetType():
                var (first, second) = ((SequenceValue)left, (SequenceValue)right);
                rendering.Charge(first.Items.Count + second.Items.Count);
                return first.With([.. first.Items, .. second.Items]);
            case (TextValue { IsMarkup: false }, _):
                throw TemplateError.Type($"can only concatenate str (not \"{right.TypeName}\") to str");
            case (SequenceValue, _):
                throw TemplateError.Type($"can only concatenate {left.TypeName} (not \"{right.TypeName}\") to {left.TypeName}");
            default:
                throw Unsupported("+", left, right);
        }
    }

    private static Value Repeat(Rendering rendering, Value value, BigInteger times)
    {
        var count = times.Sign < 0 ? 0 : times > int.MaxValue ? int.MaxValue : (int)times;
        if (value is TextValue text)
        {
            rendering.ChargeText((long)count * text.Text.Length);
            var repeated = new TextBuilder();
            for (var done = 0; done < count && text.Text.Length > 0; done++)
            {
                repeated.Append(text);
            }

            return repeated.ToValue(text.Kind);
        }

        var sequence = (SequenceValue)value;
        rendering.Charge((long)count * sequence.Items.Count);
        return sequence.With([.. Enumerable.Repeat(sequence.Items, sequence.Items.Count == 0 ? 0 : count).SelectMany(items => items)]);
    }

    private static Value Integers(string operation, BigInteger left, BigInteger right)
    {
        ChargeProduct(Rendering.Current, left.GetBitLength(), right.GetBitLength());
        return operation switch
        {
            "+" => IntValue.Of(left + right),
            "-" => IntValue.Of(left - right),
            "*" => IntValue.Of(left * right),
            "/" => new FloatValue(TrueDivision(left, right)),
            "//" => IntValue.Of(FloorDivision(left, right)),
            "%" => IntValue.Of(left - (FloorDivision(left, right) * right)),
            _ => Power(left, right),
        };
    }

    private static Value Floats(string operation, double left, double right) => operation switch
    {
        "+" => new FloatValue(left + right),
        "-" => new FloatValue(left - right),
        "*" => new FloatValue(left * right),
        "/" => new FloatValue(right == 0 ? throw TemplateError.Value("float division by zero") : left / right),
        "//" => new FloatValue(FloorDivide(left, right).Quotient),
        "%" => new FloatValue(FloorDivide(left, right).Remainder),
        _ => Power(left, right),
    };

    private static double TrueDivision(BigInteger left, BigInteger right)
    {
        if (right.IsZero)
        {
            throw TemplateError.Value("division by zero");
        }

        // Both exact as floats: one correctly rounded division. Otherwise 66 bits of the quotient and a sticky bit decide the rounding.
        if (BigInteger.Abs(left).GetBitLength() <= 53 && BigInteger.Abs(right).GetBitLength() <= 53)
        {
            return (double)left / (double)right;
        }

        var shift = 66 - (int)(BigInteger.Abs(left).GetBitLength() - BigInteger.Abs(right).GetBitLength());
        var numerator = BigInteger.Abs(left) << Math.Max(shift, 0);
        var denominator = BigInteger.Abs(right) << Math.Max(-shift, 0);
        var quotient = BigInteger.DivRem(numerator, denominator, out var rest);
        quotient |= rest.IsZero ? 0 : 1;
        var sign = left.Sign * right.Sign;
        var result = sign * Math.ScaleB(Round(quotient), -shift);
        return double.IsFinite(result) ? result : throw TemplateError.Value("integer division result too large for a float");
    }

    /// <summary>A number of 65 to 68 bits, whose last bit is sticky, to 53 bits, half to even.</summary>
    private static double Round(BigInteger number)
    {
        var extra = (int)number.GetBitLength() - 53;
        if (extra <= 0)
        {
            return (double)number;
        }

        var kept = number >> extra;
        var rest = number - (kept << extra);
        var half = BigInteger.One << (extra - 1);
        if (rest > half || (rest == half && !kept.IsEven))
        {
            kept += 1;
        }

        return Math.ScaleB((double)kept, extra);
    }

    private static BigInteger FloorDivision(BigInteger left, BigInteger right)
    {
        if (right.IsZero)
        {
            throw TemplateError.Value("integer division or modulo by zero");
        }

        var quotient = BigInteger.DivRem(left, right, out var rest);
        return !rest.IsZero && rest.Sign != right.Sign ? quotient - 1 : quotient;
    }

    /// <summary>As CPython's float_divmod: the remainder has the divisor's sign.</summary>
    private static (double Quotient, double Remainder) FloorDivide(double left, double right)
    {
        if (right == 0)
        {
            throw TemplateError.Value("float floor division by zero");
        }

        var remainder = left % right;
        var quotient = (left - remainder) / right;
        if (remainder != 0)
        {
            if (right < 0 != remainder < 0)
            {
                remainder += right;
                quotient -= 1;
            }
        }
        else
        {
            remainder = Math.CopySign(0, right);
        }

        if (quotient == 0)
        {
            return (Math.CopySign(0, left / right), remainder);
        }

        var floor = Math.Floor(quotient);
        return (quotient - floor > 0.5 ? floor + 1 : floor, remainder);
    }

    private static Value Power(BigInteger left, BigInteger right)
    {
        if (right.Sign < 0)
        {
            return left.IsZero
                ? throw TemplateError.Value("0.0 cannot be raised to a negative power")
                : Power(Number(IntValue.Of(left)), Number(IntValue.Of(right)));
        }

        if (left.IsZero || left.IsOne || right.IsZero)
        {
            return IntValue.Of(right.IsZero ? BigInteger.One : left);
        }

        if (left == BigInteger.MinusOne)
        {
            return IntValue.Of(right.IsEven ? 1 : -1);
        }

        var bits = right * (left.GetBitLength() - 1);
        if (bits > 1 << 17)
        {
            throw TemplateError.Limit("a power that is too large");
        }

        ChargeProduct(Rendering.Current, (long)bits, (long)bits);
        return IntValue.Of(BigInteger.Pow(left, (int)right));
    }

    private static FloatValue Power(double left, double right)
    {
        if (left == 0 && right < 0)
        {
            throw TemplateError.Value("0.0 cannot be raised to a negative power");
        }

        if (left < 0 && double.IsFinite(left) && double.IsFinite(right) && Math.Floor(right) != right)
        {
            throw TemplateError.NotBuilt("complex numbers (the root of a negative number)");
        }

        var result = Math.Pow(left, right);
        return double.IsInfinity(result) && double.IsFinite(left) && double.IsFinite(right)
            ? throw TemplateError.Value("(34, 'Numerical result out of range')")
            : new FloatValue(result);
    }

    private static TemplateError Unsupported(string operation, Value left, Value right) => TemplateError.Type(
        $"unsupported operand type(s) for {(operation == "**" ? "** or pow()" : operation)}: '{left.TypeName}' and '{right.TypeName}'");
}
