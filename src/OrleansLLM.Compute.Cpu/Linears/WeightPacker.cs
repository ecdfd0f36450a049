using System.Runtime.ExceptionServices;
using OrleansLLM.Compute.Cpu.Panels;
using OrleansLLM.Compute.Cpu.Simd;
using static System.FormattableString;

namespace OrleansLLM.Compute.Cpu.Linears;

/// <summary>Repacks weights into panels, panel by panel on several threads, straight from their sources' rows.</summary>
internal static unsafe class WeightPacker<TSimd, TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    public static CpuWeight Pack(LinearSource source, Arithmetic arithmetic, int threads)
    {
        Check(source);
        var layouts = source.Parts.Select(part => PanelLayouts.For(part.Format)).ToArray();
        var parts = new WeightPart[layouts.Length];
        var first = 0;
        for (var i = 0; i < parts.Length; i++)
        {
            parts[i] = new WeightPart(layouts[i], layouts[i].Bind<TSimd, TVector>(arithmetic), first, source.Parts[i]);
            first += source.Parts[i].Rows;
        }

        var weight = new CpuWeight(parts, source.Inputs, source.Bias.Span);
        try
        {
            for (var i = 0; i < parts.Length; i++)
            {
                Pack(layouts[i], source.Parts[i], parts[i], threads);
            }

            return weight;
        }
        catch (AggregateException error)
        {
            // All threads have ended by now. What one of them met is what the caller would have met alone.
            weight.Dispose();
            ExceptionDispatchInfo.Throw(error.Flatten().InnerExceptions[0]);
            throw;
        }
    }

    private static void Pack(PanelLayout layout, WeightSource source, WeightPart part, int threads) =>
        Parallel.For(0, part.Panels, new ParallelOptions { MaxDegreeOfParallelism = threads }, index =>
        {
            var firstRow = index * PanelLayout.Outputs;
            var broken = layout.Pack(source, firstRow, Math.Min(PanelLayout.Outputs, source.Rows - firstRow), part.Panel(index));
            if (broken != 0)
            {
                part.Break(index, broken);
            }
        });

    private static void Check(LinearSource source)
    {
        if (source.Inputs > 32 * Int8Inputs.MostBlocks)
        {
            throw new ArgumentException(Invariant($"A linear has {source.Inputs} inputs; this device packs at most {32 * Int8Inputs.MostBlocks}."));
        }

        foreach (var part in source.Parts)
        {
            if (part.Columns != source.Inputs || part.Columns % part.Format.BlockElements != 0)
            {
                throw new ArgumentException(
                    Invariant($"A part of {part.Format} with {part.Columns} columns stands in a linear of {source.Inputs} inputs; parts must agree and fill whole blocks of {part.Format.BlockElements}."));
            }
        }

        if (!source.Bias.IsEmpty && source.Bias.Length != source.Outputs)
        {
            throw new ArgumentException(Invariant($"A bias has {source.Bias.Length} numbers; the linear has {source.Outputs} outputs."));
        }
    }
}
