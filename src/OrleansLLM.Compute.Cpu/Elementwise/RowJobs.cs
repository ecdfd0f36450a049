using System.Runtime.CompilerServices;
using OrleansLLM.Compute.Cpu.Linears;
using OrleansLLM.Compute.Cpu.Memory;
using OrleansLLM.Compute.Cpu.Panels;
using OrleansLLM.Compute.Cpu.Simd;
using OrleansLLM.Compute.Cpu.Threads;

namespace OrleansLLM.Compute.Cpu.Elementwise;

/// <summary>Rows of float32 numbers; default = none.</summary>
internal readonly unsafe struct RowPointers(float* first, long stride)
{
    public bool Exist => first != null;

    public float* Row(int row) => first + (row * stride);

    public RowPointers Skip(int columns) => new(first + columns, stride);
}

/// <summary>to[row] = f(left[row], right[row]), a row an item.</summary>
internal readonly unsafe struct RowsJob<TFunction, TSimd, TVector>(
    TFunction function, RowPointers left, RowPointers right, RowPointers to, int columns) : IJob
    where TFunction : struct, IElementwise<TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    public void Run(int item, int worker) =>
        ElementwiseLoop<TFunction, TSimd, TVector>.Run(function, left.Row(item), right.Row(item), to.Row(item), columns);
}

/// <summary>residual[row] += x[row] where there is an x, then to[row] = norm(residual[row]).</summary>
internal readonly unsafe struct NormJob<TSimd, TVector>(RowPointers x, RowPointers residual, CpuNormWeight weight, RowPointers to) : IJob
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    public void Run(int item, int worker)
    {
        var row = residual.Row(item);
        if (x.Exist)
        {
            ElementwiseLoop<AddFunction<TSimd, TVector>, TSimd, TVector>.Run(default, x.Row(item), row, row, weight.Width);
        }

        NormKernel<TSimd, TVector>.Run(row, weight, to.Row(item));
    }
}

/// <summary>to[row] = scale · table[ids[row]]: decodes the panel that holds the row and takes its lane.</summary>
internal readonly unsafe struct EmbedJob(CpuWeight table, int* ids, float scale, float* to, long stride) : IJob
{
    private const int StepColumns = 256;

    [SkipLocalsInit]
    public void Run(int item, int worker)
    {
        var decoded = stackalloc float[StepColumns * PanelLayout.Outputs];
        var (part, output) = Find(ids[item]);
        var panel = part.Panel(output / PanelLayout.Outputs);
        var lane = output % PanelLayout.Outputs;
        var row = to + (item * stride);
        if ((part.Broken(output / PanelLayout.Outputs) >> lane & 1) != 0)
        {
            new Span<float>(row, table.Inputs).Fill(float.NaN);
            return;
        }

        for (var first = 0; first < table.Inputs; first += StepColumns)
        {
            var count = Math.Min(StepColumns, table.Inputs - first);
            part.Kernels.Decode(panel, first, count, decoded);
            for (var i = 0; i < count; i++)
            {
                row[first + i] = scale * decoded[(i * PanelLayout.Outputs) + lane];
            }
        }
    }

    private (WeightPart Part, int Output) Find(int id)
    {
        var part = 0;
        while (id >= table.Parts[part].FirstOutput + table.Parts[part].Outputs)
        {
            part++;
        }

        return (table.Parts[part], id - table.Parts[part].FirstOutput);
    }
}
