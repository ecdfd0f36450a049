using OrleansLLM.Compute.Cpu.Panels;
using OrleansLLM.Compute.Cpu.Simd;
using OrleansLLM.Compute.Cpu.Threads;

namespace OrleansLLM.Compute.Cpu.Linears;

/// <summary>Rows of activations: all of them, or those that an index names.</summary>
internal readonly unsafe struct InputRows(float* pointer, long stride, int count, int* index)
{
    public int Count { get; } = count;

    public float* Row(int row) => pointer + ((index == null ? row : index[row]) * stride);
}

/// <summary>Packs one tile of rows an item.</summary>
internal readonly unsafe struct PackJob<TSimd, TVector>(PackedInputs kind, InputRows rows, int columns, byte* to) : IJob
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    public void Run(int item, int worker)
    {
        var (used, width) = (InputTiles.Used(item, rows.Count), InputTiles.Width(item, rows.Count));
        var tile = to + (item * PackKernel<TSimd, TVector>.TileBytes(kind, columns, InputTiles.Rows));
        if (used < width)
        {
            var bytes = PackKernel<TSimd, TVector>.TileBytes(kind, columns, width);
            System.Runtime.InteropServices.NativeMemory.Clear(tile, (nuint)bytes);
        }

        for (var row = 0; row < used; row++)
        {
            PackKernel<TSimd, TVector>.Run(kind, rows.Row((item * InputTiles.Rows) + row), columns, tile, row, width);
        }
    }
}
