using OrleansLLM.Compute.Cpu.Panels.Kernels;

namespace OrleansLLM.Compute.Cpu.Panels;

/// <summary>Panels of floating-point weights, two columns at a time; an odd last column has a zero beside it.</summary>
internal sealed unsafe class FloatLayout<TPanel> : PanelLayout
    where TPanel : struct, IFloatPanel
{
    public override long PanelBytes(int columns) => (columns + 1L) / 2 * TPanel.PairBytes;

    public override uint Pack(WeightSource source, int firstRow, int rows, byte* panel)
    {
        var broken = 0u;
        var values = new float[source.Columns + 1];
        for (var lane = 0; lane < rows; lane++)
        {
            source.Format.Decode(source.Row(firstRow + lane), values.AsSpan(0, source.Columns));
            for (var column = 0; column < source.Columns; column += 2)
            {
                TPanel.Write(panel + ((long)(column / 2) * TPanel.PairBytes), lane, values[column], values[column + 1]);
                broken |= float.IsFinite(values[column]) && float.IsFinite(values[column + 1]) ? 0 : 1u << lane;
            }
        }

        return broken;
    }

    public override PanelKernels Bind<TSimd, TVector>(Arithmetic arithmetic) =>
        new(
            PackedInputs.Float32,
            &FloatKernel<TPanel, TSimd, TVector>.Multiply,
            &FloatKernel<TPanel, TSimd, TVector>.Decode);
}
