using System.Runtime.CompilerServices;
using OrleansLLM.Compute.Cpu.Simd;

namespace OrleansLLM.Compute.Cpu.Elementwise;

/// <summary>left + right.</summary>
internal readonly struct AddFunction<TSimd, TVector> : IElementwise<TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TVector Apply(TVector left, TVector right) => TSimd.Add(left, right);
}

/// <summary>left · factor; the right operand is not used.</summary>
internal readonly struct ScaleFunction<TSimd, TVector>(float factor) : IElementwise<TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TVector Apply(TVector left, TVector right) => TSimd.Multiply(left, TSimd.Broadcast(factor));
}

/// <summary>fma(left, factor, right).</summary>
internal readonly struct AddScaledFunction<TSimd, TVector>(float factor) : IElementwise<TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TVector Apply(TVector left, TVector right) => TSimd.Fma(left, TSimd.Broadcast(factor), right);
}

/// <summary>cap · tanh(left / cap); the right operand is not used.</summary>
internal readonly struct SoftCapFunction<TSimd, TVector>(float cap) : IElementwise<TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TVector Apply(TVector left, TVector right) => VectorMath<TSimd, TVector>.SoftCap(left, cap);
}

/// <summary>An activation, alone or as a gate.</summary>
internal interface IActivation<TVector>
    where TVector : struct
{
    static abstract TVector Apply(TVector x);
}

/// <summary>activation(left); the right operand is not used.</summary>
internal readonly struct PlainFunction<TActivation, TVector> : IElementwise<TVector>
    where TActivation : struct, IActivation<TVector>
    where TVector : struct
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TVector Apply(TVector left, TVector right) => TActivation.Apply(left);
}

/// <summary>activation(left) · right.</summary>
internal readonly struct GatedFunction<TActivation, TSimd, TVector> : IElementwise<TVector>
    where TActivation : struct, IActivation<TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TVector Apply(TVector left, TVector right) => TSimd.Multiply(TActivation.Apply(left), right);
}

/// <summary>x · sigmoid(x).</summary>
internal readonly struct Silu<TSimd, TVector> : IActivation<TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Apply(TVector x) => TSimd.Multiply(x, VectorMath<TSimd, TVector>.Sigmoid(x));
}

/// <summary>x / 2 · (1 + erf(x / √2)).</summary>
internal readonly struct Gelu<TSimd, TVector> : IActivation<TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Apply(TVector x)
    {
        var erf = VectorMath<TSimd, TVector>.Erf(TSimd.Multiply(x, TSimd.Broadcast(0.70710678f)));
        return TSimd.Multiply(TSimd.Multiply(x, TSimd.Broadcast(0.5f)), TSimd.Add(erf, TSimd.Broadcast(1f)));
    }
}

/// <summary>x / 2 · (1 + tanh(√(2/π) · (x + 0.044715 x³))) = x · sigmoid(2 √(2/π) · (x + 0.044715 x³)).</summary>
internal readonly struct GeluTanh<TSimd, TVector> : IActivation<TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Apply(TVector x)
    {
        var cubic = TSimd.Fma(TSimd.Multiply(x, x), TSimd.Broadcast(0.044715f), TSimd.Broadcast(1f));
        var inner = TSimd.Multiply(TSimd.Multiply(x, cubic), TSimd.Broadcast(1.5957691f));
        return TSimd.Multiply(x, VectorMath<TSimd, TVector>.Sigmoid(inner));
    }
}

/// <summary>max(x, 0), NaN of NaN.</summary>
internal readonly struct Relu<TSimd, TVector> : IActivation<TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Apply(TVector x) => TSimd.Except(x, TSimd.Greater(TSimd.Zero, x));
}
