using OrleansLLM.Compute;

namespace OrleansLLM.Testing.Contract;

/// <summary>
/// Sequences whose keys and values are stored in chunks, as an engine would, and then attended by their last rows, over blocks in a
/// shuffled order.
/// </summary>
public sealed record AttendCase(AttentionShape Shape, KvGeometry Geometry, int[] Lengths)
{
    public float RopeScale { get; init; } = 1;

    public bool Norms { get; init; }

    /// <summary>All slots were written with NaN before.</summary>
    public bool BlocksHoldNaN { get; init; }

    /// <summary>Rows of the whole, [sequence][position][QkvColumns].</summary>
    public float[][] Rows(Random random) => [.. Lengths.Select(length => Arrange.Numbers(random, length * Shape.QkvColumns))];

    /// <summary>Runs all sequences in steps of at most <paramref name="chunk"/> rows each and returns every row's output.</summary>
    public float[][] Run(IDevice device, float[][] rows, int chunk)
    {
        var blocksEach = (Lengths.Max() / Geometry.BlockSize) + 1;
        using var cache = device.AllocateKv(Geometry, blocksEach * Lengths.Length);
        var order = Enumerable.Range(0, cache.Blocks).OrderBy(block => block * 7919 % 101).ThenBy(block => block).ToArray();
        if (BlocksHoldNaN)
        {
            Spoil(device, cache);
        }

        var outputs = Lengths.Select(length => new float[length * Shape.Heads * Shape.ValueWidth]).ToArray();
        var done = new int[Lengths.Length];
        while (done.Zip(Lengths, (position, length) => position < length).Any(left => left))
        {
            Step(device, rows, chunk, (cache, order, blocksEach), done, outputs);
        }

        return outputs;
    }

    private void Spoil(IDevice device, KvCache cache)
    {
        var slots = cache.Blocks * Geometry.BlockSize;
        var plan = new AttentionPlan(1, cache.Blocks) { BlockSize = Geometry.BlockSize, Sequences = 1 };
        (plan.QueryStarts[1], plan.TableStarts[1]) = (slots, cache.Blocks);
        for (var block = 0; block < cache.Blocks; block++)
        {
            plan.BlockTables[block] = block;
        }

        var nothing = new float[slots * Shape.QkvColumns];
        Array.Fill(nothing, float.NaN);
        var qkv = Arrange.Upload(device, nothing, slots, Shape.QkvColumns);
        device.RotateAndStore(qkv, Shape, null, null, null, plan, new KvLayer(cache, Geometry.LayersPerBlock - 1));
    }

    private void Step(IDevice device, float[][] rows, int chunk, (KvCache Cache, int[] Order, int Each) blocks, int[] done, float[][] outputs)
    {
        var plan = new AttentionPlan(Lengths.Length, blocks.Order.Length) { BlockSize = Geometry.BlockSize };
        var batch = new List<float>();
        var taken = new List<(int Sequence, int First, int Count)>();
        for (var sequence = 0; sequence < Lengths.Length; sequence++)
        {
            var count = Math.Min(chunk, Lengths[sequence] - done[sequence]);
            if (count == 0)
            {
                continue;
            }

            var s = plan.Sequences++;
            plan.FirstPositions[s] = done[sequence];
            plan.QueryStarts[s + 1] = plan.QueryStarts[s] + count;
            plan.TableStarts[s + 1] = plan.TableStarts[s] + blocks.Each;
            blocks.Order.AsSpan(sequence * blocks.Each, blocks.Each).CopyTo(plan.BlockTables.AsSpan(plan.TableStarts[s]));
            batch.AddRange(rows[sequence].AsSpan(done[sequence] * Shape.QkvColumns, count * Shape.QkvColumns));
            taken.Add((sequence, done[sequence], count));
            done[sequence] += count;
        }

        var result = Compute(device, [.. batch], plan, new KvLayer(blocks.Cache, Geometry.LayersPerBlock - 1));
        var columns = Shape.Heads * Shape.ValueWidth;
        var at = 0;
        foreach (var (sequence, first, count) in taken)
        {
            result.AsSpan(at, count * columns).CopyTo(outputs[sequence].AsSpan(first * columns));
            at += count * columns;
        }
    }

    private float[] Compute(IDevice device, float[] batch, AttentionPlan plan, KvLayer layer)
    {
        var half = Shape.KeyWidth / 4;
        var rope = new RopePlan(plan.Rows, half) { Rows = plan.Rows, Scale = RopeScale, Frequencies = new float[2 * half] };
        for (var i = 0; i < 2 * half; i++)
        {
            rope.Frequencies[i] = (float)Math.Pow(100, -i / (2.0 * half));
        }

        for (var s = 0; s < plan.Sequences; s++)
        {
            for (var row = plan.QueryStarts[s]; row < plan.QueryStarts[s + 1]; row++)
            {
                rope.Positions[row] = plan.FirstPositions[s] + row - plan.QueryStarts[s];
                rope.FrequencyRows[row] = rope.Positions[row] % 2;
            }
        }

        var scale = Arrange.Numbers(new Random(3), Shape.KeyWidth);
        var norm = Norms ? device.LoadNorm(NormKind.Rms, 1e-5f, scale, []) : null;
        var qkv = Arrange.Upload(device, batch, plan.Rows, Shape.QkvColumns);
        var to = device.Allocate(plan.Rows, Shape.Heads * Shape.ValueWidth);
        device.RotateAndStore(qkv, Shape, norm, norm, rope, plan, layer);
        device.Attend(qkv.SliceColumns(0, Shape.Heads * Shape.KeyWidth), Shape, plan, layer, to);
        return Arrange.Download(device, to);
    }
}
