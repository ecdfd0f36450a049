using System.Runtime.CompilerServices;
using OrleansLLM.Compute.Cpu.Panels;
using OrleansLLM.Compute.Cpu.Simd;
using OrleansLLM.Compute.Cpu.Threads;

namespace OrleansLLM.Compute.Cpu.Linears;

/// <summary>
/// Multiplies some panels an item with all packed rows: a run of tiles that stays in the cache at a time, all panels of the item on it.
/// </summary>
internal readonly unsafe struct LinearJob<TSimd, TVector>(CpuWeight weight, PackedRows inputs, int panelsPerItem, float* to, long stride) : IJob
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    /// <summary>Half of a small first-level cache; a panel takes the other.</summary>
    private const long InputBytesAtATime = 16 * 1024;

    [SkipLocalsInit]
    public void Run(int item, int worker)
    {
        var sums = stackalloc float[InputTiles.Rows * PanelLayout.Outputs];
        var (first, end) = (item * panelsPerItem, Math.Min((item + 1) * panelsPerItem, weight.Panels));
        var tiles = InputTiles.Count(inputs.Rows);
        var run = (int)Math.Clamp(InputBytesAtATime / inputs.TileBytes, 1, tiles);
        for (var tile = 0; tile < tiles; tile += run)
        {
            var (part, index) = Find(first);
            for (var panel = first; panel < end; panel++, index++)
            {
                if (index == weight.Parts[part].Panels)
                {
                    (part, index) = (part + 1, 0);
                }

                Multiply(weight.Parts[part], index, tile, Math.Min(tile + run, tiles), sums);
            }
        }
    }

    private (int Part, int Index) Find(int panel)
    {
        var part = 0;
        while (panel >= weight.Parts[part].Panels)
        {
            panel -= weight.Parts[part++].Panels;
        }

        return (part, panel);
    }

    private void Multiply(WeightPart part, int index, int tile, int end, float* sums)
    {
        var output = index * PanelLayout.Outputs;
        var count = Math.Min(PanelLayout.Outputs, part.Outputs - output);
        var bias = weight.Bias == null ? null : weight.Bias + part.FirstOutput + output;
        for (; tile < end; tile++)
        {
            part.Kernels.Multiply(
                part.Panel(index), inputs.Tile(part.Kernels.Inputs, tile), weight.Inputs, InputTiles.Width(tile, inputs.Rows), sums);
            if (part.Broken(index) is > 0 and var broken)
            {
                Break(sums, broken);
            }

            var row = to + (tile * InputTiles.Rows * stride) + part.FirstOutput + output;
            Write(sums, InputTiles.Used(tile, inputs.Rows), count, bias, row);
        }
    }

    private static void Break(float* sums, uint outputs)
    {
        for (var i = 0; i < InputTiles.Rows * PanelLayout.Outputs; i++)
        {
            sums[i] = (outputs >> (i % PanelLayout.Outputs) & 1) != 0 ? float.NaN : sums[i];
        }
    }

    private void Write(float* sums, int rows, int count, float* bias, float* row)
    {
        for (var r = 0; r < rows; r++, sums += PanelLayout.Outputs, row += stride)
        {
            if (count == PanelLayout.Outputs)
            {
                for (var lane = 0; lane < PanelLayout.Outputs; lane += TSimd.Lanes)
                {
                    var value = TSimd.Load(sums + lane);
                    TSimd.Store(bias == null ? value : TSimd.Add(value, TSimd.Load(bias + lane)), row + lane);
                }
            }
            else
            {
                for (var lane = 0; lane < count; lane++)
                {
                    row[lane] = bias == null ? sums[lane] : sums[lane] + bias[lane];
                }
            }
        }
    }
}

/// <summary>The packed rows of one call, for each kind that the weight's parts take.</summary>
internal unsafe struct PackedRows
{
    private byte* _floats;
    private byte* _int8;
    private byte* _int16;
    private long _floatTile;
    private long _int8Tile;
    private long _int16Tile;

    public int Rows { get; set; }

    /// <summary>Bytes that a panel reads of a tile of the largest kind: of the room for outliers it is next to none.</summary>
    public readonly long TileBytes => Math.Max(_floatTile, Math.Max(_int8Tile * Int8Inputs.Words / (Int8Inputs.Words + Int8Inputs.OutlierWordsOfBlock), _int16Tile));

    public void Set(PackedInputs kind, byte* tiles, long tileBytes)
    {
        switch (kind)
        {
            case PackedInputs.Float32:
                _floats = tiles;
                _floatTile = tileBytes;
                break;
            case PackedInputs.Int8:
                _int8 = tiles;
                _int8Tile = tileBytes;
                break;
            default:
                _int16 = tiles;
                _int16Tile = tileBytes;
                break;
        }
    }

    public readonly bool Has(PackedInputs kind) => kind switch
    {
        PackedInputs.Float32 => _floats != null,
        PackedInputs.Int8 => _int8 != null,
        _ => _int16 != null,
    };

    public readonly byte* Tile(PackedInputs kind, int tile) => kind switch
    {
        PackedInputs.Float32 => _floats + (tile * _floatTile),
        PackedInputs.Int8 => _int8 + (tile * _int8Tile),
        _ => _int16 + (tile * _int16Tile),
    };
}
