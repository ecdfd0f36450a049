using OrleansLLM.Compute;

namespace OrleansLLM.Testing;

public sealed partial class ReferenceDevice
{
    public void RotateAndStore(
        Tensor qkv, in AttentionShape shape, NormWeight? queryNorm, NormWeight? keyNorm, RopePlan? rope, AttentionPlan plan, KvLayer layer)
    {
        RequireShape(qkv.Columns == shape.QkvColumns && qkv.Rows == plan.Rows, "rotate and store");
        for (var sequence = 0; sequence < plan.Sequences; sequence++)
        {
            for (var row = plan.QueryStarts[sequence]; row < plan.QueryStarts[sequence + 1]; row++)
            {
                var position = plan.FirstPositions[sequence] + row - plan.QueryStarts[sequence];
                RotateHeads(Row(qkv, row), shape, queryNorm, keyNorm, rope, row);
                Store(Row(qkv, row)[(shape.Heads * shape.KeyWidth)..], shape, layer, Block(plan, sequence, position), position % plan.BlockSize);
            }
        }
    }

    public void Attend(Tensor q, in AttentionShape shape, AttentionPlan plan, KvLayer layer, Tensor to)
    {
        RequireShape(q.Columns == shape.Heads * shape.KeyWidth && to.Columns == shape.Heads * shape.ValueWidth && q.Rows == plan.Rows, "attend");
        for (var sequence = 0; sequence < plan.Sequences; sequence++)
        {
            for (var row = plan.QueryStarts[sequence]; row < plan.QueryStarts[sequence + 1]; row++)
            {
                var position = plan.FirstPositions[sequence] + row - plan.QueryStarts[sequence];
                for (var head = 0; head < shape.Heads; head++)
                {
                    AttendHead(
                        Row(q, row).Slice(head * shape.KeyWidth, shape.KeyWidth), shape, plan, layer, (sequence, position, head),
                        Row(to, row).Slice(head * shape.ValueWidth, shape.ValueWidth));
                }
            }
        }
    }

    private static void RotateHeads(
        Span<float> row, in AttentionShape shape, NormWeight? queryNorm, NormWeight? keyNorm, RopePlan? rope, int planRow)
    {
        for (var head = 0; head < shape.Heads + shape.KeyHeads; head++)
        {
            var values = row.Slice(head * shape.KeyWidth, shape.KeyWidth);
            if ((head < shape.Heads ? queryNorm : keyNorm) is ReferenceNorm norm)
            {
                Normalize(values, norm, values);
            }

            if (rope is not null)
            {
                Rotate(values, rope, planRow);
            }
        }
    }

    /// <summary>The angle is a float32 product, as in the libraries that models are trained with.</summary>
    private static void Rotate(Span<float> head, RopePlan rope, int row)
    {
        for (var i = 0; i < rope.Half; i++)
        {
            var angle = rope.Positions[row] * rope.Frequencies[(rope.FrequencyRows[row] * rope.Half) + i];
            var cosine = (float)Math.Cos(angle) * rope.Scale;
            var sine = (float)Math.Sin(angle) * rope.Scale;
            var (x, y) = (head[i], head[i + rope.Half]);
            head[i] = (float)(((double)x * cosine) - ((double)y * sine));
            head[i + rope.Half] = (float)(((double)y * cosine) + ((double)x * sine));
        }
    }

    private static void Store(ReadOnlySpan<float> keysAndValues, in AttentionShape shape, KvLayer layer, int block, int slot)
    {
        var cache = (ReferenceKv)layer.Cache;
        var values = keysAndValues[(shape.KeyHeads * shape.KeyWidth)..];
        for (var head = 0; head < shape.KeyHeads; head++)
        {
            Round(keysAndValues.Slice(head * shape.KeyWidth, shape.KeyWidth), cache.Geometry.Type, cache.Key(block, layer.Index, slot, head));
            Round(values.Slice(head * shape.ValueWidth, shape.ValueWidth), cache.Geometry.Type, cache.Value(block, layer.Index, slot, head));
        }
    }

    private static void Round(ReadOnlySpan<float> from, ElementType type, Span<float> to)
    {
        for (var i = 0; i < from.Length; i++)
        {
            to[i] = type == ElementType.Float32 ? from[i] : RoundToBFloat16(from[i]);
        }
    }

    /// <summary>To the nearest, ties to even; a NaN stays one.</summary>
    private static float RoundToBFloat16(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        return float.IsNaN(value) ? value : BitConverter.UInt32BitsToSingle((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000);
    }

    private static int Block(AttentionPlan plan, int sequence, int position) =>
        plan.BlockTables[plan.TableStarts[sequence] + (position / plan.BlockSize)];

    private static void AttendHead(
        ReadOnlySpan<float> query, in AttentionShape shape, AttentionPlan plan, KvLayer layer, (int Sequence, int Position, int Head) at,
        Span<float> to)
    {
        var cache = (ReferenceKv)layer.Cache;
        var keyHead = at.Head / (shape.Heads / shape.KeyHeads);
        var first = shape.Window == 0 ? 0 : Math.Max(0, at.Position - shape.Window + 1);
        var weights = new double[at.Position - first + 1];
        for (var j = 0; j < weights.Length; j++)
        {
            var position = first + j;
            var key = cache.Key(Block(plan, at.Sequence, position), layer.Index, position % plan.BlockSize, keyHead);
            weights[j] = Score(query, key, shape);
        }

        SoftMax(weights);
        var sums = new double[to.Length];
        for (var j = 0; j < weights.Length; j++)
        {
            var position = first + j;
            var value = cache.Value(Block(plan, at.Sequence, position), layer.Index, position % plan.BlockSize, keyHead);
            for (var i = 0; i < sums.Length; i++)
            {
                sums[i] += weights[j] * value[i];
            }
        }

        for (var i = 0; i < sums.Length; i++)
        {
            to[i] = (float)sums[i];
        }
    }

    private static double Score(ReadOnlySpan<float> query, ReadOnlySpan<float> key, in AttentionShape shape)
    {
        var sum = 0.0;
        for (var i = 0; i < query.Length; i++)
        {
            sum += (double)query[i] * key[i];
        }

        var score = sum * shape.Scale;
        return shape.SoftCap == 0 ? score : shape.SoftCap * Math.Tanh(score / shape.SoftCap);
    }

    private static void SoftMax(Span<double> values)
    {
        var most = double.NegativeInfinity;
        foreach (var value in values)
        {
            most = Math.Max(most, value);
        }

        var sum = 0.0;
        foreach (ref var value in values)
        {
            sum += value = Math.Exp(value - most);
        }

        foreach (ref var value in values)
        {
            value /= sum;
        }
    }
}
