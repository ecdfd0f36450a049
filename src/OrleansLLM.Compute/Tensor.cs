namespace OrleansLLM.Compute;

/// <summary>Memory that a device owns; only that device knows what it is.</summary>
public abstract class DeviceMemory : IDisposable
{
    public abstract long ByteLength { get; }

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected abstract void Dispose(bool disposing);
}

/// <summary>
/// A view of float32 activations, row-major: element (r, c) lies <c>Offset + r * Stride + c</c> floats into the memory.
/// One row is one token.
/// </summary>
public readonly record struct Tensor(DeviceMemory Memory, long Offset, int Rows, int Columns, int Stride)
{
    /// <summary>The first <paramref name="rows"/> rows.</summary>
    public Tensor Take(int rows) => Slice(0, rows);

    /// <summary>Rows [first, first + count).</summary>
    public Tensor Slice(int first, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(first + count, Rows);
        return this with { Offset = Offset + ((long)first * Stride), Rows = count };
    }

    /// <summary>Columns [first, first + count) of every row; the stride stays.</summary>
    public Tensor SliceColumns(int first, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(first + count, Columns);
        return this with { Offset = Offset + first, Columns = count };
    }
}
