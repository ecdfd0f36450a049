using OrleansLLM.Compute.Cpu.Memory;
using OrleansLLM.Compute.Cpu.Panels;
using OrleansLLM.Compute.Cpu.Simd;
using OrleansLLM.Compute.Cpu.Threads;

namespace OrleansLLM.Compute.Cpu.Linears;

/// <summary>Linear operations: packs the rows once for each kind of panel, then hands out panels. Not thread safe; reuses its room.</summary>
internal sealed unsafe class Multiplier<TSimd, TVector>(int threads) : IDisposable
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    /// <summary>Items that each thread gets on average, so that a busy core does not hold up the others.</summary>
    private const int ItemsPerThread = 8;

    private readonly Scratch[] _packed = [new(), new(), new()];

    /// <summary>to[r, o] = Σᵢ rows[r, i] · weight[o, i] + bias[o].</summary>
    public void Run(InputRows rows, CpuWeight weight, float* to, long stride)
    {
        if (rows.Count == 0)
        {
            return;
        }

        var inputs = new PackedRows { Rows = rows.Count };
        foreach (var part in weight.Parts)
        {
            if (!inputs.Has(part.Kernels.Inputs))
            {
                Pack(part.Kernels.Inputs, rows, weight.Inputs, ref inputs);
            }
        }

        var panels = Math.Max(1, weight.Panels / (threads * ItemsPerThread));
        var job = new LinearJob<TSimd, TVector>(weight, inputs, panels, to, stride);
        ThreadTeam.Shared.Run(ref job, (weight.Panels + panels - 1) / panels, threads);
    }

    public void Dispose()
    {
        foreach (var scratch in _packed)
        {
            scratch.Dispose();
        }
    }

    private void Pack(PackedInputs kind, InputRows rows, int columns, ref PackedRows inputs)
    {
        var tiles = InputTiles.Count(rows.Count);
        var tileBytes = PackKernel<TSimd, TVector>.TileBytes(kind, columns, InputTiles.Rows);
        var to = _packed[(int)kind].Take(tiles * tileBytes);
        var job = new PackJob<TSimd, TVector>(kind, rows, columns, to);
        ThreadTeam.Shared.Run(ref job, tiles, threads);
        inputs.Set(kind, to, tileBytes);
    }
}
