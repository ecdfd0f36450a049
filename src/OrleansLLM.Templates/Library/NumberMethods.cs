using System.Collections.Frozen;
using OrleansLLM.Templates.Values;

namespace OrleansLLM.Templates.Library;

/// <summary>The methods of int and float.</summary>
internal static class NumberMethods
{
    public static FrozenDictionary<string, Method> Int { get; } = Methods.Table(
    [
        new("bit_length", "", (_, self, _) => IntValue.Of((int)System.Numerics.BigInteger.Abs(((IntValue)self).Number).GetBitLength())),
        new("conjugate", "", (_, self, _) => self),
        .. new[] { "as_integer_ratio", "bit_count", "from_bytes", "to_bytes" }.Select(name => Method.NotBuilt("int", name)),
    ]);

    public static FrozenDictionary<string, Method> Float { get; } = Methods.Table(
    [
        new("is_integer", "", (_, self, _) => IntValue.Of(double.IsInteger(((FloatValue)self).Number))),
        new("conjugate", "", (_, self, _) => self),
        .. new[] { "as_integer_ratio", "fromhex", "hex" }.Select(name => Method.NotBuilt("float", name)),
    ]);
}
