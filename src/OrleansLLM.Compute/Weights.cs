namespace OrleansLLM.Compute;

/// <summary>
/// Where the rows of one weight matrix come from, read once while the model loads. A row is one output; it holds
/// <see cref="Columns"/> inputs in <see cref="Format"/>'s blocks. Row permutations, slices of fused or stacked
/// tensors and transpositions are sources that wrap other sources.
/// </summary>
public abstract class WeightSource
{
    public abstract WeightFormat Format { get; }

    /// <summary>Outputs.</summary>
    public abstract int Rows { get; }

    /// <summary>Inputs; a multiple of the format's <see cref="WeightFormat.BlockElements"/>.</summary>
    public abstract int Columns { get; }

    public int RowBytes => Format.RowBytes(Columns);

    /// <summary>
    /// The blocks of row <paramref name="row"/>, <see cref="RowBytes"/> long. The span is valid until the next call on
    /// the same thread; sources may be read by several threads at once.
    /// </summary>
    public abstract ReadOnlySpan<byte> Row(int row);
}

/// <summary>The named parts of one linear operation, stacked by output: (q, k, v), (gate, up) or a single matrix.</summary>
/// <param name="Parts">At least one; all have the same number of columns, each its own format.</param>
/// <param name="Bias">One number an output over all parts, or empty.</param>
public sealed record LinearSource(IReadOnlyList<WeightSource> Parts, ReadOnlyMemory<float> Bias)
{
    public LinearSource(WeightSource part)
        : this([part], default)
    {
    }

    public int Inputs => Parts[0].Columns;

    public int Outputs => Parts.Sum(part => part.Rows);
}

/// <summary>A matrix that a device has taken over, in its own layout: usable by linear, embed and logits.</summary>
public abstract class Weight : DeviceMemory
{
    public abstract int Inputs { get; }

    public abstract int Outputs { get; }
}

/// <summary>The same matrix for every expert of one layer.</summary>
public abstract class ExpertWeights : DeviceMemory
{
    public abstract int Experts { get; }

    public abstract int Inputs { get; }

    public abstract int Outputs { get; }
}

public enum NormKind
{
    /// <summary>x / sqrt(mean(x²) + ε) · scale.</summary>
    Rms,

    /// <summary>(x − mean) / sqrt(variance + ε) · scale + bias.</summary>
    Layer,
}

/// <summary>The parameters of one normalization, as a device holds them.</summary>
public abstract class NormWeight : DeviceMemory
{
    public abstract NormKind Kind { get; }

    public abstract int Width { get; }
}

public enum Activation
{
    /// <summary>x · sigmoid(x).</summary>
    Silu,

    /// <summary>The exact GELU, with the error function.</summary>
    Gelu,

    /// <summary>GELU by tanh.</summary>
    GeluTanh,

    /// <summary>max(x, 0).</summary>
    Relu,
}
