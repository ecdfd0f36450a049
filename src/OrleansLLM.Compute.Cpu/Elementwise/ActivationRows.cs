using OrleansLLM.Compute.Cpu.Simd;
using OrleansLLM.Compute.Cpu.Threads;

namespace OrleansLLM.Compute.Cpu.Elementwise;

/// <summary>Activations of rows. To add one: a struct in Functions.cs and a row in each switch.</summary>
internal static class ActivationRows<TSimd, TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    /// <summary>What a number costs against a plain addition.</summary>
    private const int Cost = 8;

    /// <summary>to[row, i] = activation(x[row, i]) · x[row, columns + i].</summary>
    public static void Gate(RowPointers x, Activation activation, RowPointers to, int columns, int rows, int threads)
    {
        switch (activation)
        {
            case Activation.Silu:
                Gate<Silu<TSimd, TVector>>(x, to, columns, rows, threads);
                break;
            case Activation.Gelu:
                Gate<Gelu<TSimd, TVector>>(x, to, columns, rows, threads);
                break;
            case Activation.Relu:
                Gate<Relu<TSimd, TVector>>(x, to, columns, rows, threads);
                break;
            default:
                Gate<GeluTanh<TSimd, TVector>>(x, to, columns, rows, threads);
                break;
        }
    }

    /// <summary>x = activation(x).</summary>
    public static void Apply(RowPointers x, Activation activation, int columns, int rows, int threads)
    {
        switch (activation)
        {
            case Activation.Silu:
                Apply<Silu<TSimd, TVector>>(x, columns, rows, threads);
                break;
            case Activation.Gelu:
                Apply<Gelu<TSimd, TVector>>(x, columns, rows, threads);
                break;
            case Activation.Relu:
                Apply<Relu<TSimd, TVector>>(x, columns, rows, threads);
                break;
            default:
                Apply<GeluTanh<TSimd, TVector>>(x, columns, rows, threads);
                break;
        }
    }

    private static void Gate<TActivation>(RowPointers x, RowPointers to, int columns, int rows, int threads)
        where TActivation : struct, IActivation<TVector>
    {
        var job = new RowsJob<GatedFunction<TActivation, TSimd, TVector>, TSimd, TVector>(default, x, x.Skip(columns), to, columns);
        ThreadTeam.Shared.Run(ref job, rows, SmallWork.Threads((long)rows * columns * Cost, threads));
    }

    private static void Apply<TActivation>(RowPointers x, int columns, int rows, int threads)
        where TActivation : struct, IActivation<TVector>
    {
        var job = new RowsJob<PlainFunction<TActivation, TVector>, TSimd, TVector>(default, x, x, x, columns);
        ThreadTeam.Shared.Run(ref job, rows, SmallWork.Threads((long)rows * columns * Cost, threads));
    }
}
