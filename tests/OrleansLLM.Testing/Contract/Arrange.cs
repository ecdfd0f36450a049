using OrleansLLM.Compute;
using Xunit;

namespace OrleansLLM.Testing.Contract;

/// <summary>Rows of blocks in memory.</summary>
public sealed class MemorySource(WeightFormat format, int rows, int columns, byte[] bytes) : WeightSource
{
    public override WeightFormat Format => format;

    public override int Rows => rows;

    public override int Columns => columns;

    public byte[] Bytes => bytes;

    public override ReadOnlySpan<byte> Row(int row) => bytes.AsSpan(row * RowBytes, RowBytes);
}

/// <summary>Numbers that go into a device and come out of it.</summary>
public static class Arrange
{
    /// <summary>Where a block holds half-precision scales.</summary>
    private static readonly Dictionary<string, int[]> Halves = new()
    {
        ["Q4_0"] = [0],
        ["Q4_1"] = [0, 2],
        ["Q5_0"] = [0],
        ["Q5_1"] = [0, 2],
        ["Q8_0"] = [0],
        ["Q4_K"] = [0, 2],
        ["Q5_K"] = [0, 2],
        ["Q6_K"] = [208],
        ["F16"] = [0],
    };

    /// <summary>Arbitrary codes with sane scales.</summary>
    public static MemorySource Weights(Random random, WeightFormat format, int rows, int columns)
    {
        var bytes = new byte[format.RowBytes(columns) * rows];
        random.NextBytes(bytes);
        for (var block = 0; block < bytes.Length; block += format.BlockBytes)
        {
            if (format.BlockBytes == 4)
            {
                BitConverter.TryWriteBytes(bytes.AsSpan(block), Number(random));
            }
            else if (format.Name == "BF16")
            {
                BitConverter.TryWriteBytes(bytes.AsSpan(block), (ushort)(BitConverter.SingleToUInt32Bits(Number(random)) >> 16));
            }

            foreach (var offset in Halves.GetValueOrDefault(format.Name, []))
            {
                BitConverter.TryWriteBytes(bytes.AsSpan(block + offset), (Half)(Number(random) / 8));
            }
        }

        return new MemorySource(format, rows, columns, bytes);
    }

    /// <summary>The same weights, but for one number of one row that is none: every scale in turn, or a number where the format has no scales.</summary>
    public static IEnumerable<(int Row, MemorySource Weights)> Damages(Random random, WeightFormat format, int rows, int columns)
    {
        var sound = Weights(random, format, rows, columns);
        var halves = Halves.GetValueOrDefault(format.Name, [0]);
        foreach (var bits in format.BlockBytes == 4 ? new[] { 0x7FC00000u, 0x7F800000u } : format.Name == "BF16" ? [0x7FC0u, 0xFF80u] : [0x7E00u, 0x7C00u])
        {
            foreach (var offset in halves)
            {
                var row = random.Next(1, rows);
                var bytes = sound.Bytes.ToArray();
                var at = bytes.AsSpan((row * sound.RowBytes) + (random.Next(sound.RowBytes / format.BlockBytes) * format.BlockBytes) + offset);
                BitConverter.TryWriteBytes(at, (ushort)bits);
                if (format.BlockBytes == 4)
                {
                    BitConverter.TryWriteBytes(at, bits);
                }

                yield return (row, new MemorySource(format, rows, columns, bytes));
            }
        }
    }

    public static float[] Numbers(Random random, int count)
    {
        var numbers = new float[count];
        for (var i = 0; i < count; i++)
        {
            numbers[i] = Number(random);
        }

        return numbers;
    }

    public static Tensor Upload(IDevice device, float[] numbers, int rows, int columns)
    {
        var tensor = device.Allocate(rows, columns);
        device.Upload(numbers, tensor);
        return tensor;
    }

    public static float[] Download(IDevice device, Tensor tensor)
    {
        var numbers = new float[tensor.Rows * tensor.Columns];
        device.Download(tensor, numbers);
        return numbers;
    }

    /// <param name="tolerance">A share of the largest number that is expected.</param>
    public static void AssertClose(float[] expected, float[] actual, double tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        var largest = expected.Max(value => Math.Abs((double)value));
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.True(
                Math.Abs(expected[i] - (double)actual[i]) <= tolerance * Math.Max(largest, 1e-3),
                $"number {i}: expected {expected[i]}, got {actual[i]}");
        }
    }

    public static void AssertSameBits(float[] expected, float[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.True(
                BitConverter.SingleToUInt32Bits(expected[i]) == BitConverter.SingleToUInt32Bits(actual[i]),
                $"number {i}: expected {expected[i]:R}, got {actual[i]:R}");
        }
    }

    private static float Number(Random random) => (float)((random.NextDouble() + random.NextDouble() + random.NextDouble() - 1.5) * 2);
}
