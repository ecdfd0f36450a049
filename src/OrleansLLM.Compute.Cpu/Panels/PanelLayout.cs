using OrleansLLM.Compute.Cpu.Simd;

namespace OrleansLLM.Compute.Cpu.Panels;

/// <summary>
/// How the device keeps weights of one format: panels of 16 outputs, one a 32-bit lane, their inputs one after the other, so that a
/// kernel streams a panel from front to end and never adds across lanes.
/// </summary>
internal abstract unsafe class PanelLayout
{
    /// <summary>Outputs of a panel.</summary>
    public const int Outputs = 16;

    /// <summary>Bytes of a panel, a multiple of 32.</summary>
    public abstract long PanelBytes(int columns);

    /// <summary>
    /// Repacks <paramref name="rows"/> rows of a source into a zeroed panel. Returns a bit for each that holds NaN or infinity: kernels may
    /// take such numbers for others.
    /// </summary>
    public abstract uint Pack(WeightSource source, int firstRow, int rows, byte* panel);

    /// <summary>The kernels of this layout for an instruction set.</summary>
    public abstract PanelKernels Bind<TSimd, TVector>(Arithmetic arithmetic)
        where TSimd : struct, ISimd<TVector>
        where TVector : struct;
}

/// <summary>A layout's kernels, compiled for one instruction set.</summary>
/// <param name="inputs">What <paramref name="multiply"/> takes.</param>
/// <param name="multiply">(panel, packed inputs of a tile, columns, rows of the tile, sums [rows][16]).</param>
/// <param name="decode">(panel, first column, columns, weights [columns][16]); the first column is a multiple of 256.</param>
internal readonly unsafe struct PanelKernels(
    PackedInputs inputs,
    delegate*<byte*, byte*, int, int, float*, void> multiply,
    delegate*<byte*, int, int, float*, void> decode)
{
    public PackedInputs Inputs { get; } = inputs;

    public delegate*<byte*, byte*, int, int, float*, void> Multiply { get; } = multiply;

    public delegate*<byte*, int, int, float*, void> Decode { get; } = decode;
}
