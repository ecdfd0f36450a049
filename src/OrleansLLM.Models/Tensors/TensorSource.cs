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

/// <summary>Rows [first, first + rows) of a tensor, straight from the mapped file.</summary>
internal sealed class TensorSource(FileTensor tensor, WeightFormat format, long first, int rows, int columns)
    : FileSource(tensor, format, rows, columns)
{
    public override ReadOnlySpan<byte> Row(int row) => Tensor.Bytes((first + row) * RowBytes, RowBytes);
}

/// <summary>
/// The rows of each head, from pairs side by side (x₀ y₀ x₁ y₁ …, as GGUF's llama files keep queries and keys) back to halves
/// (x₀ x₁ … y₀ y₁ …).
/// </summary>
internal sealed class UninterleavedSource(FileSource source, int headWidth)
    : FileSource(source.Tensor, source.Format, source.Rows, source.Columns)
{
    public override ReadOnlySpan<byte> Row(int row) => source.Row(FileRow(row, headWidth));

    public static int FileRow(int row, int headWidth)
    {
        var inHead = row % headWidth;
        return row - inHead + (inHead < headWidth / 2 ? 2 * inHead : (2 * (inHead - (headWidth / 2))) + 1);
    }
}
