using System.Runtime.CompilerServices;
using OrleansLLM.Compute.Cpu.Elementwise;
using OrleansLLM.Compute.Cpu.Memory;
using OrleansLLM.Compute.Cpu.Simd;
using OrleansLLM.Compute.Cpu.Threads;

namespace OrleansLLM.Compute.Cpu.Attention;

/// <summary>What turns and normalizes the heads of a step's rows; a null norm or table leaves them as they are.</summary>
internal readonly unsafe struct HeadTransform(CpuNormWeight? queryNorm, CpuNormWeight? keyNorm, float* rotations, int half)
{
    public CpuNormWeight? QueryNorm => queryNorm;

    public CpuNormWeight? KeyNorm => keyNorm;

    public int Half => half;

    /// <summary>Half cosines, then half sines of a row, or null.</summary>
    public float* Rotations(int row) => rotations == null ? null : rotations + ((long)row * 2 * half);
}

/// <summary>A row an item: normalizes and turns its query and key heads in place and writes keys and values into their slots.</summary>
internal readonly unsafe struct RotateAndStoreJob<TElement, TSimd, TVector>(
    float* qkv, long stride, AttentionShape shape, HeadTransform transform, AttentionPlan plan, KvLayer layer) : IJob
    where TElement : struct, IKvElement
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    public void Run(int item, int worker)
    {
        var row = qkv + (item * stride);
        var rotations = transform.Rotations(item);
        for (var head = 0; head < shape.Heads + shape.KeyHeads; head++)
        {
            var x = row + (head * shape.KeyWidth);
            if ((head < shape.Heads ? transform.QueryNorm : transform.KeyNorm) is { } norm)
            {
                NormKernel<TSimd, TVector>.Run(x, norm, x);
            }

            if (rotations != null)
            {
                Rotate(x, rotations, rotations + transform.Half, transform.Half);
            }
        }

        Store(row + (shape.Heads * shape.KeyWidth), item);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rotate(float* x, float* cosines, float* sines, int half)
    {
        var i = 0;
        for (; i + TSimd.Lanes <= half; i += TSimd.Lanes)
        {
            var (first, second) = (TSimd.Load(x + i), TSimd.Load(x + half + i));
            var (cosine, sine) = (TSimd.Load(cosines + i), TSimd.Load(sines + i));
            var minusSine = TSimd.Xor(sine, TSimd.Broadcast(-0f));
            TSimd.Store(TSimd.Fma(second, minusSine, TSimd.Multiply(first, cosine)), x + i);
            TSimd.Store(TSimd.Fma(first, sine, TSimd.Multiply(second, cosine)), x + half + i);
        }

        for (; i < half; i++)
        {
            var (first, second) = (x[i], x[half + i]);
            x[i] = MathF.FusedMultiplyAdd(second, -sines[i], first * cosines[i]);
            x[half + i] = MathF.FusedMultiplyAdd(first, sines[i], second * cosines[i]);
        }
    }

    private void Store(float* keys, int row)
    {
        var cache = (CpuKvCache)layer.Cache;
        var position = plan.PositionOf(row, out var sequence);
        var block = plan.BlockTables[plan.TableStarts[sequence] + (position / plan.BlockSize)];
        var slot = position % plan.BlockSize;
        var values = keys + (shape.KeyHeads * shape.KeyWidth);
        for (var head = 0; head < shape.KeyHeads; head++)
        {
            KeyPlaces<TElement>.Write(
                cache.Keys(block, layer.Index, head), cache.KeysInPanels, slot, keys + (head * shape.KeyWidth), shape.KeyWidth);
            KeyPlaces<TElement>.Write(
                cache.Values(block, layer.Index, head), false, slot, values + (head * shape.ValueWidth), shape.ValueWidth);
        }
    }
}
