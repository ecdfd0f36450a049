using OrleansLLM.Compute;
using OrleansLLM.Files;

namespace OrleansLLM.Models.Tensors;

/// <summary>
/// Rows that are the columns of a tensor [inputs, outputs] of single elements. A thread gathers a tile of rows at once, so that each
/// cache line of the file is read once a tile.
/// </summary>
internal sealed class TransposedSource(FileTensor tensor, WeightFormat format, int rows, int columns)
    : FileSource(tensor, format, rows, columns)
{
    private const int TileRows = 32;

    [ThreadStatic]
    private static Tile? _tile;

    public override ReadOnlySpan<byte> Row(int row)
    {
        var tile = _tile;
        if (tile?.Source != this || row < tile.First || row >= tile.First + TileRows)
        {
            tile = _tile = Gather(row / TileRows * TileRows);
        }

        return tile.Bytes.AsSpan((row - tile.First) * RowBytes, RowBytes);
    }

    private Tile Gather(int first)
    {
        var count = Math.Min(TileRows, Rows - first);
        var size = Format.BlockBytes;
        var bytes = new byte[count * RowBytes];
        for (var input = 0; input < Columns; input++)
        {
            var from = Tensor.Bytes((((long)input * Rows) + first) * size, count * size);
            for (var row = 0; row < count; row++)
            {
                from.Slice(row * size, size).CopyTo(bytes.AsSpan((row * RowBytes) + (input * size)));
            }
        }

        return new(this, first, bytes);
    }

    private sealed record Tile(TransposedSource Source, int First, byte[] Bytes);
}
