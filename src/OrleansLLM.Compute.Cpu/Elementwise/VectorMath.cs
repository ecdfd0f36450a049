using System.Runtime.CompilerServices;
using OrleansLLM.Compute.Cpu.Simd;

namespace OrleansLLM.Compute.Cpu.Elementwise;

/// <summary>Functions of float32 lanes, the same bits on every instruction set.</summary>
internal static class VectorMath<TSimd, TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    private const float RoundingShift = 12582912f;
    private const float LeastExponent = -87.336533f; // the next number above -87.33654
    private const float HighestExponent = 88.37f;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Max(TVector left, TVector right) => TSimd.Select(TSimd.Greater(left, right), left, right);

    /// <summary>
    /// e^x, within 2 units of the last place; 0 below -87.3, capped at 88.37, NaN of NaN. x = n · ln 2 + r with ln 2 in two parts (Cody and Waite,
    /// "Software Manual for the Elementary Functions", 1980), e^r by its Taylor series to the seventh power (error below 2^-27).
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Exp(TVector x)
    {
        var isTooLow = TSimd.Greater(TSimd.Broadcast(LeastExponent), x);
        var highest = TSimd.Broadcast(HighestExponent);
        x = TSimd.Except(TSimd.Select(TSimd.Greater(x, highest), highest, x), isTooLow);
        var shifted = TSimd.Fma(x, TSimd.Broadcast(1.442695041f), TSimd.Broadcast(RoundingShift));
        var n = TSimd.Subtract(shifted, TSimd.Broadcast(RoundingShift));
        var r = TSimd.Fma(n, TSimd.Broadcast(-0.693359375f), x);
        r = TSimd.Fma(n, TSimd.Broadcast(2.12194440e-4f), r);
        var sum = TSimd.Fma(r, TSimd.Broadcast(1f / 5040), TSimd.Broadcast(1f / 720));
        sum = TSimd.Fma(sum, r, TSimd.Broadcast(1f / 120));
        sum = TSimd.Fma(sum, r, TSimd.Broadcast(1f / 24));
        sum = TSimd.Fma(sum, r, TSimd.Broadcast(1f / 6));
        sum = TSimd.Fma(sum, r, TSimd.Broadcast(0.5f));
        sum = TSimd.Fma(sum, r, TSimd.Broadcast(1f));
        sum = TSimd.Fma(sum, r, TSimd.Broadcast(1f));
        // The shifted number's low bits are n: they go to the exponent's place.
        var power = TSimd.AddInt32(TSimd.ShiftLeftInt32(shifted, 23), TSimd.Broadcast(1f));
        return TSimd.Except(TSimd.Multiply(sum, power), isTooLow);
    }

    /// <summary>1 / (1 + e^-x).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Sigmoid(TVector x) =>
        TSimd.Divide(TSimd.Broadcast(1f), TSimd.Add(TSimd.Broadcast(1f), Exp(TSimd.Xor(x, TSimd.Broadcast(-0f)))));

    /// <summary>1 - 2 / (e^2x + 1), exact to about 1e-7 absolute.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Tanh(TVector x)
    {
        var denominator = TSimd.Add(Exp(TSimd.Add(x, x)), TSimd.Broadcast(1f));
        return TSimd.Subtract(TSimd.Broadcast(1f), TSimd.Divide(TSimd.Broadcast(2f), denominator));
    }

    /// <summary>The error function, |error| below 2e-7 (Abramowitz and Stegun, "Handbook of Mathematical Functions", 7.1.26).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Erf(TVector x)
    {
        var sign = TSimd.And(x, TSimd.Broadcast(-0f));
        var a = TSimd.Xor(x, sign);
        var t = TSimd.Divide(TSimd.Broadcast(1f), TSimd.Fma(a, TSimd.Broadcast(0.3275911f), TSimd.Broadcast(1f)));
        var sum = TSimd.Fma(t, TSimd.Broadcast(1.061405429f), TSimd.Broadcast(-1.453152027f));
        sum = TSimd.Fma(sum, t, TSimd.Broadcast(1.421413741f));
        sum = TSimd.Fma(sum, t, TSimd.Broadcast(-0.284496736f));
        sum = TSimd.Fma(sum, t, TSimd.Broadcast(0.254829592f));
        var tail = TSimd.Multiply(TSimd.Multiply(sum, t), Exp(TSimd.Xor(TSimd.Multiply(a, a), TSimd.Broadcast(-0f))));
        return TSimd.Or(TSimd.Subtract(TSimd.Broadcast(1f), tail), sign);
    }

    /// <summary>Cap · tanh(x / cap).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector SoftCap(TVector x, float cap) =>
        TSimd.Multiply(TSimd.Broadcast(cap), Tanh(TSimd.Divide(x, TSimd.Broadcast(cap))));
}
