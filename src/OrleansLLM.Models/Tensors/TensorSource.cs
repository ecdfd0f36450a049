using OrleansLLM.Compute;
using OrleansLLM.Files;

namespace OrleansLLM.Models.Tensors;

/// <summary>Rows that come from a tensor of a file.</summary>
internal abstract class FileSource(FileTensor tensor, WeightFormat format, int rows, int columns) : WeightSource
{
    public FileTensor Tensor { get; } = tensor;

    public override WeightFormat Format { get; } = format;

    public override int Rows { get; } = rows;

    public override int Columns { get; } = columns;
}

/// <summary>
/// Rows [first, first + rows) of a tensor, straight from the mapped file. What was read a stretch ago is let go while reading goes on, so
/// that a large tensor is never resident beside its copy on the device.
/// </summary>
internal sealed class TensorSource(FileTensor tensor, WeightFormat format, long first, int rows, int columns)
    : FileSource(tensor, format, rows, columns)
{
    private const long StretchBytes = 4 << 20;

    private long _stretch;

    public override ReadOnlySpan<byte> Row(int row)
    {
        var offset = (first + row) * RowBytes;
        var stretch = offset / StretchBytes;
        if (stretch > Volatile.Read(ref _stretch))
        {
            // Threads may race here: pages that go too early come back from the file, unchanged.
            Volatile.Write(ref _stretch, stretch);
            Tensor.Release((stretch - 1) * StretchBytes);
        }

        return Tensor.Bytes(offset, RowBytes);
    }
}

/// <summary>
/// The rows of each head, from pairs side by side (x₀ y₀ x₁ y₁ …, as GGUF's llama files keep queries and keys) back to halves
/// (x₀ x₁ … y₀ y₁ …). Rows behind the first <c>turned</c> of a head stay where they are.
/// </summary>
internal sealed class UninterleavedSource(FileSource source, int headWidth, int turned)
    : FileSource(source.Tensor, source.Format, source.Rows, source.Columns)
{
    public override ReadOnlySpan<byte> Row(int row) => source.Row(FileRow(row, headWidth, turned));

    public static int FileRow(int row, int headWidth, int turned)
    {
        var inHead = row % headWidth;
        var half = turned / 2;
        return inHead >= turned ? row : row - inHead + (inHead < half ? 2 * inHead : (2 * (inHead - half)) + 1);
    }
}
