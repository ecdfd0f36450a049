using OrleansLLM.Compute;

namespace OrleansLLM.Testing;

/// <summary>
/// The slow, obvious device: each operation as its formula says, row by row, sums in double precision, results rounded to float32.
/// It defines what every other device must compute (with <see cref="Arithmetic.Float32"/>, within rounding).
/// </summary>
public sealed partial class ReferenceDevice : IDevice
{
    public DeviceDescription Description { get; } =
        new("reference", "reference", BatchDeterminism.RowsIndependent, PreemptionCost.RecomputeIsCheaper);

    public Tensor Allocate(int rows, int columns) => new(new ReferenceMemory((long)rows * columns), 0, rows, columns, columns);

    public Weight Load(LinearSource source) => new ReferenceWeight(source);

    public ExpertWeights LoadExperts(IReadOnlyList<LinearSource> experts) => new ReferenceExperts(experts);

    public NormWeight LoadNorm(NormKind kind, float epsilon, ReadOnlySpan<float> scale, ReadOnlySpan<float> bias) =>
        new ReferenceNorm(kind, epsilon, scale.ToArray(), bias.ToArray());

    public void Upload(ReadOnlySpan<float> from, Tensor to)
    {
        RequireShape(from.Length == to.Rows * to.Columns, "upload");
        for (var row = 0; row < to.Rows; row++)
        {
            from.Slice(row * to.Columns, to.Columns).CopyTo(Row(to, row));
        }
    }

    public void Download(Tensor from, Span<float> to)
    {
        RequireShape(to.Length == from.Rows * from.Columns, "download");
        for (var row = 0; row < from.Rows; row++)
        {
            Row(from, row).CopyTo(to.Slice(row * from.Columns, from.Columns));
        }
    }

    public void Embed(ReadOnlySpan<int> ids, Weight table, float scale, Tensor to)
    {
        RequireShape(ids.Length == to.Rows && table.Inputs == to.Columns, "embed");
        foreach (var id in ids)
        {
            RequireShape(id >= 0 && id < table.Outputs, "embed's ids and table");
        }

        for (var row = 0; row < ids.Length; row++)
        {
            var from = ((ReferenceWeight)table).Row(ids[row]);
            for (var i = 0; i < from.Length; i++)
            {
                Row(to, row)[i] = scale * from[i];
            }
        }
    }

    public void Add(Tensor x, Tensor to)
    {
        RequireShape(x.Rows == to.Rows && x.Columns == to.Columns, "add");
        for (var row = 0; row < x.Rows; row++)
        {
            for (var i = 0; i < x.Columns; i++)
            {
                Row(to, row)[i] += Row(x, row)[i];
            }
        }
    }

    public void Norm(Tensor x, NormWeight weight, Tensor to)
    {
        RequireShape(x.Rows == to.Rows && x.Columns == weight.Width && to.Columns == weight.Width, "norm");
        for (var row = 0; row < x.Rows; row++)
        {
            Normalize(Row(x, row), (ReferenceNorm)weight, Row(to, row));
        }
    }

    public void AddNorm(Tensor x, Tensor residual, NormWeight weight, Tensor to)
    {
        Add(x, residual);
        Norm(residual, weight, to);
    }

    public void Linear(Tensor x, Weight weight, Tensor to)
    {
        RequireShape(x.Rows == to.Rows && x.Columns == weight.Inputs && to.Columns == weight.Outputs, "linear");
        for (var row = 0; row < x.Rows; row++)
        {
            Multiply(Row(x, row), (ReferenceWeight)weight, Row(to, row));
        }
    }

    public void ActivateGated(Tensor gateUp, Activation activation, Tensor to)
    {
        RequireShape(gateUp.Rows == to.Rows && gateUp.Columns == 2 * to.Columns, "gated activation");
        for (var row = 0; row < to.Rows; row++)
        {
            Gate(Row(gateUp, row), activation, Row(to, row));
        }
    }

    public void Activate(Tensor x, Activation activation)
    {
        for (var row = 0; row < x.Rows; row++)
        {
            foreach (ref var value in Row(x, row))
            {
                value = (float)Apply(activation, value);
            }
        }
    }

    public void Logits(Tensor x, ReadOnlySpan<int> rows, Weight head, float softCap, Tensor to)
    {
        RequireShape(rows.Length == to.Rows && x.Columns == head.Inputs && to.Columns == head.Outputs, "logits");
        for (var i = 0; i < rows.Length; i++)
        {
            Multiply(Row(x, rows[i]), (ReferenceWeight)head, Row(to, i));
            foreach (ref var value in Row(to, i))
            {
                value = softCap == 0 ? value : (float)(softCap * Math.Tanh(value / softCap));
            }
        }
    }

    public void Dispose()
    {
    }

    internal static Span<float> Row(Tensor tensor, int row)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(row, tensor.Rows);
        return ((ReferenceMemory)tensor.Memory).Data.AsSpan((int)(tensor.Offset + ((long)row * tensor.Stride)), tensor.Columns);
    }

    private static void RequireShape(bool holds, string operation)
    {
        if (!holds)
        {
            throw new ArgumentException($"the shapes of {operation} do not fit each other");
        }
    }

    private static void Multiply(ReadOnlySpan<float> x, ReferenceWeight weight, Span<float> to)
    {
        for (var output = 0; output < weight.Outputs; output++)
        {
            var row = weight.Row(output);
            var sum = 0.0;
            for (var i = 0; i < row.Length; i++)
            {
                sum += (double)x[i] * row[i];
            }

            to[output] = (float)(weight.Bias.Length == 0 ? sum : sum + weight.Bias[output]);
        }
    }

    private static void Normalize(ReadOnlySpan<float> x, ReferenceNorm norm, Span<float> to)
    {
        double mean = 0, square = 0;
        foreach (var value in x)
        {
            mean += norm.Kind == NormKind.Layer ? value / (double)x.Length : 0;
        }

        foreach (var value in x)
        {
            square += (value - mean) * (value - mean) / x.Length;
        }

        var factor = 1 / Math.Sqrt(square + norm.Epsilon);
        for (var i = 0; i < x.Length; i++)
        {
            to[i] = (float)(((x[i] - mean) * factor * norm.Scale[i]) + (norm.Bias.Length == 0 ? 0 : norm.Bias[i]));
        }
    }

    private static void Gate(ReadOnlySpan<float> gateUp, Activation activation, Span<float> to)
    {
        for (var i = 0; i < to.Length; i++)
        {
            to[i] = (float)(Apply(activation, gateUp[i]) * gateUp[to.Length + i]);
        }
    }

    private static double Apply(Activation activation, double x) => activation switch
    {
        Activation.Silu => x / (1 + Math.Exp(-x)),
        Activation.Relu => Math.Max(x, 0),
        Activation.Gelu => 0.5 * x * ErrorFunction.Complement(-x / Math.Sqrt(2)),
        _ => 0.5 * x * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + (0.044715 * x * x * x)))),
    };
}
