using System.Runtime.CompilerServices;
using OrleansLLM.Compute.Cpu.Simd;

namespace OrleansLLM.Compute.Cpu.Elementwise;

/// <summary>A function of two vectors, number by number.</summary>
internal interface IElementwise<TVector>
    where TVector : struct
{
    TVector Apply(TVector left, TVector right);
}

/// <summary>to[i] = f(left[i], right[i]); the operands may be the same.</summary>
internal static unsafe class ElementwiseLoop<TFunction, TSimd, TVector>
    where TFunction : struct, IElementwise<TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(TFunction function, float* left, float* right, float* to, int count)
    {
        var whole = count - (count % TSimd.Lanes);
        for (var i = 0; i < whole; i += TSimd.Lanes)
        {
            TSimd.Store(function.Apply(TSimd.Load(left + i), TSimd.Load(right + i)), to + i);
        }

        if (whole < count)
        {
            Tail(function, left + whole, right + whole, to + whole, count - whole);
        }
    }

    private static void Tail(TFunction function, float* left, float* right, float* to, int count)
    {
        var room = stackalloc float[48];
        new Span<float>(left, count).CopyTo(new Span<float>(room, 16));
        new Span<float>(right, count).CopyTo(new Span<float>(room + 16, 16));
        TSimd.Store(function.Apply(TSimd.Load(room), TSimd.Load(room + 16)), room + 32);
        new Span<float>(room + 32, count).CopyTo(new Span<float>(to, count));
    }
}
