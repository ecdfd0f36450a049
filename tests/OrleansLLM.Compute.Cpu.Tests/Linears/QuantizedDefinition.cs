using System.Buffers.Binary;
using OrleansLLM.Testing.Contract;

namespace OrleansLLM.Compute.Cpu.Tests.Linears;

/// <summary>
/// The quantized arithmetic of <see cref="Arithmetic.Auto"/> as scalar code on the file's own blocks: the definition that the integer
/// kernels equal bit for bit.
/// </summary>
internal static class QuantizedDefinition
{
    /// <summary>Codes of a run of weights with one scale: weight = Scale · code + Minimum.</summary>
    private sealed record Run(int[] Codes, float Scale, float? Minimum);

    public static float[] Multiply(float[] x, MemorySource weights)
    {
        var outputs = new float[weights.Rows];
        var most = weights.Format.Name is "Q8_0" or "Q5_0" or "Q5_1" or "Q5_K" ? short.MaxValue : sbyte.MaxValue;
        var limit = most == sbyte.MaxValue ? OutlierLimit(x) : float.PositiveInfinity;
        var rest = Array.ConvertAll(x, number => number * number > limit ? 0 : number);
        var inputs = Enumerable.Range(0, x.Length / 32).Select(block => Quantize(rest.AsSpan(block * 32, 32), most)).ToArray();
        for (var output = 0; output < outputs.Length; output++)
        {
            var column = 0;
            var runs = Runs(weights.Format, weights.Row(output).ToArray()).ToArray();
            foreach (var run in runs)
            {
                var (codes, scale, sum) = inputs[column / 32];
                var integers = 0;
                for (var i = 0; i < run.Codes.Length; i++)
                {
                    integers += run.Codes[i] * codes[(column % 32) + i];
                }

                outputs[output] = MathF.FusedMultiplyAdd(integers, run.Scale * scale, outputs[output]);
                if (run.Minimum is { } minimum)
                {
                    outputs[output] = MathF.FusedMultiplyAdd(minimum, scale * sum, outputs[output]);
                }

                column += run.Codes.Length;
            }

            var exact = runs.SelectMany(run => run.Codes.Select(code => MathF.FusedMultiplyAdd(run.Scale, code, run.Minimum ?? 0))).ToArray();
            foreach (var outlier in Enumerable.Range(0, x.Length).Where(i => x[i] * x[i] > limit))
            {
                outputs[output] = MathF.FusedMultiplyAdd(exact[outlier], x[outlier], outputs[output]);
            }
        }

        return outputs;
    }

    /// <summary>Eight times the mean, over blocks of 32, of the largest square.</summary>
    private static float OutlierLimit(float[] x)
    {
        var squares = x.Chunk(32).Select(block => block.Max(Math.Abs)).Aggregate(0f, (sum, largest) => sum + (largest * largest));
        return 8 * squares / (x.Length / 32);
    }

    private static (int[] Codes, float Scale, int Sum) Quantize(ReadOnlySpan<float> x, int most)
    {
        var largest = 0f;
        foreach (var value in x)
        {
            largest = Math.Max(largest, Math.Abs(value));
        }

        var codes = new int[32];
        for (var i = 0; i < 32; i++)
        {
            codes[i] = largest == 0 ? 0 : (int)Math.Round((double)x[i] * (most / largest), MidpointRounding.ToEven);
        }

        return (codes, largest / most, codes.Sum());
    }

    private static IEnumerable<Run> Runs(WeightFormat format, byte[] row)
    {
        for (var at = 0; at < row.Length; at += format.BlockBytes)
        {
            var block = row.AsSpan(at, format.BlockBytes).ToArray();
            var runs = format.Name switch
            {
                "Q4_0" => [new Run(Nibbles(block, 2, 16, code => code - 8), Half(block, 0), null)],
                "Q4_1" => [new Run(Nibbles(block, 4, 16, code => code), Half(block, 0), Half(block, 2))],
                "Q5_0" => [new Run(Fives(block, 2, -16), Half(block, 0), null)],
                "Q5_1" => [new Run(Fives(block, 4, 0), Half(block, 0), Half(block, 2))],
                "Q8_0" => [new Run([.. block[2..].Select(code => (int)(sbyte)code)], Half(block, 0), null)],
                "Q4_K" or "Q5_K" => SuperBlock(block, format.Name == "Q5_K"),
                _ => SixBits(block),
            };
            foreach (var run in runs)
            {
                yield return run;
            }
        }
    }

    private static float Half(byte[] block, int at) => (float)BinaryPrimitives.ReadHalfLittleEndian(block.AsSpan(at));

    private static int[] Nibbles(byte[] block, int at, int count, Func<int, int> value) =>
        [.. Enumerable.Range(0, 2 * count).Select(i => value(i < count ? block[at + i] & 15 : block[at + i - count] >> 4))];

    private static int[] Fives(byte[] block, int at, int offset)
    {
        var high = BinaryPrimitives.ReadUInt32LittleEndian(block.AsSpan(at));
        var low = Nibbles(block, at + 4, 16, code => code);
        return [.. low.Select((code, i) => code + (int)((high >> i & 1) << 4) + offset)];
    }

    private static Run[] SuperBlock(byte[] block, bool five)
    {
        var nibbles = five ? 48 : 16;
        return [.. Enumerable.Range(0, 8).Select(i =>
        {
            var s = block.AsSpan(4, 12);
            var scale = i < 4 ? s[i] & 63 : (s[i + 4] & 15) + (s[i - 4] >> 6 << 4);
            var minimum = i < 4 ? s[i + 4] & 63 : (s[i + 4] >> 4) + (s[i] >> 6 << 4);
            var codes = Enumerable.Range(0, 32).Select(k =>
                ((block[nibbles + (i / 2 * 32) + k] >> (4 * (i % 2))) & 15) + (five ? ((block[16 + k] >> i) & 1) << 4 : 0));
            return new Run([.. codes], Half(block, 0) * scale, -(Half(block, 2) * minimum));
        })];
    }

    private static Run[] SixBits(byte[] block) =>
        [.. Enumerable.Range(0, 16).Select(i => new Run(
            [.. Enumerable.Range(i * 16, 16).Select(k => SixBitCode(block, k) - 32)], Half(block, 208) * (sbyte)block[192 + i], null))];

    private static int SixBitCode(byte[] block, int k)
    {
        var (half, quarter, i) = (k / 128, k % 128 / 32, k % 32);
        var low = block[(64 * half) + (32 * (quarter % 2)) + i] >> (quarter < 2 ? 0 : 4);
        return (low & 15) | ((block[128 + (32 * half) + i] >> (2 * quarter) & 3) << 4);
    }
}
