using System.Globalization;
using static System.FormattableString;

namespace OrleansLLM.Files;

/// <summary>One tensor in a mapped file: where it lies and what it says of itself.</summary>
/// <param name="Type">
/// The element or block type by the field's name: <c>F32</c>, <c>BF16</c>, <c>I32</c>, <c>Q4_K</c>, …
/// </param>
/// <param name="Shape">Row-major, the outermost dimension first; GGUF's order is turned round.</param>
/// <param name="Offset">From the start of the file.</param>
public sealed record FileTensor(MappedFile File, string Name, string Type, IReadOnlyList<long> Shape, long Offset, long ByteLength)
{
    /// <summary>Bytes [start, start + length) of the tensor.</summary>
    public ReadOnlySpan<byte> Bytes(long start, int length)
    {
        if (start < 0 || length < 0 || start > ByteLength - length)
        {
            throw new ArgumentOutOfRangeException(nameof(start), Invariant($"bytes {start} to {start} + {length} lie outside tensor {Name} of {ByteLength} bytes"));
        }

        return File.Bytes(Offset + start, length);
    }

    /// <summary>The tensor's pages may leave memory: it is not needed again soon.</summary>
    public void Release() => Release(ByteLength);

    /// <summary>The same for the pages of the first <paramref name="length"/> bytes.</summary>
    public void Release(long length) => File.Release(Offset, length);

    /// <summary>The shape as people write it, such as <c>[320, 64]</c>.</summary>
    public string ShapeText => $"[{Join(Shape)}]";

    internal static string Join(IEnumerable<long> numbers) => string.Join(", ", numbers.Select(number => number.ToString(CultureInfo.InvariantCulture)));
}
