namespace OrleansLLM.Files;

/// <summary>Checks how a file's tensors lie in it.</summary>
internal static class TensorExtents
{
    /// <summary>The product of the dimensions, or null where it passes 2^62.</summary>
    public static long? Elements(IReadOnlyList<long> shape)
    {
        var product = 1L;
        foreach (var size in shape)
        {
            if (size == 0)
            {
                return 0;
            }

            if (product > (1L << 62) / size)
            {
                return null;
            }

            product *= size;
        }

        return product;
    }

    /// <summary>Tensors in the order in which they lie in the file.</summary>
    public static FileTensor[] InOrder(IEnumerable<FileTensor> tensors) =>
        [.. tensors.OrderBy(tensor => tensor.Offset).ThenBy(tensor => tensor.ByteLength)];

    /// <exception cref="FileFormatException">Two tensors share bytes.</exception>
    public static void RefuseOverlap(string path, IEnumerable<FileTensor> tensors)
    {
        FileTensor? before = null;
        foreach (var tensor in InOrder(tensors))
        {
            if (before is not null && tensor.Offset < before.Offset + before.ByteLength)
            {
                throw new FileFormatException(path, $"tensors {before.Name} and {tensor.Name} share bytes; the file is broken");
            }

            before = tensor;
        }
    }
}
