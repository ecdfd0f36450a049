namespace OrleansLLM.Compute.Cpu.Panels.Kernels;

/// <summary>
/// The arithmetic of panels whose columns come in blocks of 32: what a tile of 1, 4 or 8 rows of packed inputs adds to its sums
/// [rows][16], and what the weights are.
/// </summary>
internal unsafe interface IBlockTiles
{
    /// <summary>How the rows are packed.</summary>
    static abstract PackedInputs Inputs { get; }

    /// <summary>Adds blocks [block, end), for the lanes of a vector that begins at <paramref name="lane"/>.</summary>
    static abstract void Tile1(byte* panel, int* inputs, int block, int end, int lane, float* sums);

    static abstract void Tile4(byte* panel, int* inputs, int block, int end, int lane, float* sums);

    static abstract void Tile8(byte* panel, int* inputs, int block, int end, int lane, float* sums);

    /// <summary>sums[i] = fma(exact weight of a column, number, sums[i]) of 16 outputs.</summary>
    static abstract void AddColumn(byte* panel, int column, float number, float* sums);

    /// <summary>Exact weights [columns][16]; the first column is a multiple of 32.</summary>
    static abstract void Decode(byte* panel, int firstColumn, int columns, float* to);
}
