using System.Numerics;

namespace OrleansLLM.Templates.Values;

/// <summary>The items start, start + step, ... before stop (count of them) that a slice takes of a sequence, as Python's slice.indices.</summary>
internal readonly record struct SliceRange(int Start, int Stop, int Step, int Count)
{
    public static SliceRange Of(Value start, Value stop, Value step, int length)
    {
        var stride = Number(step) ?? BigInteger.One;
        if (stride.IsZero)
        {
            throw TemplateError.Value("slice step cannot be zero");
        }

        var forward = stride.Sign > 0;
        var (lowest, highest) = forward ? (0, length) : (-1, length - 1);
        var from = Bound(Number(start), forward ? lowest : highest);
        var until = Bound(Number(stop), forward ? highest : lowest);
        var distance = forward ? until - from : from - until;
        var size = BigInteger.Abs(stride);
        var count = distance <= 0 ? 0 : (int)(((distance - 1) / size) + 1);
        return new(from, until, count <= 1 ? (int)BigInteger.Min(BigInteger.Max(stride, -length - 1), length + 1) : (int)stride, count);

        int Bound(BigInteger? given, int fallback)
        {
            if (given is not { } value)
            {
                return fallback;
            }

            value = value.Sign < 0 ? value + length : value;
            return (int)BigInteger.Min(BigInteger.Max(value, lowest), highest);
        }
    }

    private static BigInteger? Number(Value value) => value switch
    {
        IntValue number => number.Number,
        NoneValue => null,
        UndefinedValue undefined => throw undefined.Error(),
        _ => throw TemplateError.Type("slice indices must be integers or None or have an __index__ method"),
    };
}
