using OrleansLLM.Compute.Cpu.Memory;
using OrleansLLM.Compute.Cpu.Panels;

namespace OrleansLLM.Compute.Cpu.Linears;

/// <summary>
/// A linear's matrices as panels, part after part, and its bias. The memory is the parts' own size but for a last panel that is not full.
/// </summary>
internal sealed unsafe class CpuWeight : Weight
{
    private readonly NativeMemoryBlock _block;
    private readonly NativeMemoryBlock? _bias;

    public CpuWeight(WeightPart[] parts, int inputs, ReadOnlySpan<float> bias)
    {
        Parts = parts;
        Inputs = inputs;
        Outputs = parts.Sum(part => part.Outputs);
        Panels = parts.Sum(part => part.Panels);
        _block = new NativeMemoryBlock(parts.Sum(part => part.Panels * part.PanelBytes) + 64, PageUse.Whole);
        if (!bias.IsEmpty)
        {
            _bias = new NativeMemoryBlock(sizeof(float) * (long)Outputs, PageUse.Whole);
            bias.CopyTo(new Span<float>(_bias.Pointer, Outputs));
        }

        var pointer = _block.Pointer;
        foreach (var part in parts)
        {
            part.Memory = pointer;
            pointer += part.Panels * part.PanelBytes;
        }
    }

    public override int Inputs { get; }

    public override int Outputs { get; }

    /// <summary>Panels of all parts.</summary>
    public int Panels { get; }

    public WeightPart[] Parts { get; }

    /// <summary>One number an output, or null.</summary>
    public float* Bias => _bias is null ? null : (float*)_bias.Pointer;

    public override long ByteLength => _block.ByteLength + (_bias?.ByteLength ?? 0);

    protected override void Dispose(bool disposing)
    {
        _block.Dispose();
        _bias?.Dispose();
    }
}

/// <summary>One matrix of a linear.</summary>
internal sealed unsafe class WeightPart(PanelLayout layout, PanelKernels kernels, int firstOutput, WeightSource source)
{
    private uint[]? _broken;

    public PanelKernels Kernels { get; } = kernels;

    /// <summary>Its first output in the linear.</summary>
    public int FirstOutput { get; } = firstOutput;

    public int Outputs { get; } = source.Rows;

    public int Panels { get; } = (source.Rows + PanelLayout.Outputs - 1) / PanelLayout.Outputs;

    public long PanelBytes { get; } = layout.PanelBytes(source.Columns);

    public byte* Memory { get; set; }

    public byte* Panel(int index) => Memory + (index * PanelBytes);

    /// <summary>A bit for each output of a panel whose weights hold NaN or infinity: what it gives is NaN.</summary>
    public uint Broken(int panel) => _broken is null ? 0 : _broken[panel];

    /// <summary>May be called from any thread while the weight is packed, for a panel at a time.</summary>
    public void Break(int panel, uint outputs)
    {
        var broken = new uint[Panels];
        (Interlocked.CompareExchange(ref _broken, broken, null) ?? broken)[panel] = outputs;
    }
}

/// <summary>One weight an expert.</summary>
internal sealed class CpuExpertWeights(CpuWeight[] weights) : ExpertWeights
{
    public override int Experts => weights.Length;

    public override int Inputs => weights[0].Inputs;

    public override int Outputs => weights[0].Outputs;

    public override long ByteLength => weights.Sum(weight => weight.ByteLength);

    public CpuWeight this[int expert] => weights[expert];

    protected override void Dispose(bool disposing)
    {
        foreach (var weight in weights)
        {
            weight.Dispose();
        }
    }
}
