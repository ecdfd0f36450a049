namespace OrleansLLM.Compute.Cpu.Linears;

/// <summary>How rows are cut into tiles of a kernel: eights, and a last tile of 1, 4 or 8 that is filled up with zeros.</summary>
internal static class InputTiles
{
    public const int Rows = 8;

    public static int Count(int rows) => (rows + Rows - 1) / Rows;

    /// <summary>Rows that tile <paramref name="tile"/> is computed with.</summary>
    public static int Width(int tile, int rows) => Used(tile, rows) switch
    {
        1 => 1,
        <= 4 => 4,
        _ => 8,
    };

    /// <summary>Rows of the tile that exist.</summary>
    public static int Used(int tile, int rows) => Math.Min(Rows, rows - (tile * Rows));
}
