using System.Buffers.Binary;
using System.Text;

namespace OrleansLLM.Files;

/// <summary>
/// One metadata value of a GGUF file. It stays in the mapped file and is decoded when asked for; its extent was checked when the file
/// was opened.
/// </summary>
/// <param name="Type">What it is; an array's elements are of <paramref name="ElementType"/>.</param>
/// <param name="Count">Elements of an array, 1 elsewhere.</param>
public sealed record GgufValue(MappedFile File, GgufValueType Type, GgufValueType ElementType, int Count, long Offset)
{
    /// <summary>Bytes an element, or 0 where elements differ (text and arrays).</summary>
    internal static int Size(GgufValueType type) => type switch
    {
        GgufValueType.UInt8 or GgufValueType.Int8 or GgufValueType.Bool => 1,
        GgufValueType.UInt16 or GgufValueType.Int16 => 2,
        GgufValueType.UInt32 or GgufValueType.Int32 or GgufValueType.Float32 => 4,
        GgufValueType.UInt64 or GgufValueType.Int64 or GgufValueType.Float64 => 8,
        _ => 0,
    };

    internal static bool IsInteger(GgufValueType type) =>
        Size(type) > 0 && type is not (GgufValueType.Float32 or GgufValueType.Float64 or GgufValueType.Bool);

    internal Int128 Integer(int index)
    {
        var bytes = Element(index);
        return ElementType switch
        {
            GgufValueType.UInt8 or GgufValueType.Bool => bytes[0],
            GgufValueType.Int8 => (sbyte)bytes[0],
            GgufValueType.UInt16 => BinaryPrimitives.ReadUInt16LittleEndian(bytes),
            GgufValueType.Int16 => BinaryPrimitives.ReadInt16LittleEndian(bytes),
            GgufValueType.UInt32 => BinaryPrimitives.ReadUInt32LittleEndian(bytes),
            GgufValueType.Int32 => BinaryPrimitives.ReadInt32LittleEndian(bytes),
            GgufValueType.UInt64 => BinaryPrimitives.ReadUInt64LittleEndian(bytes),
            _ => BinaryPrimitives.ReadInt64LittleEndian(bytes),
        };
    }

    internal double Number(int index) => ElementType switch
    {
        GgufValueType.Float32 => BinaryPrimitives.ReadSingleLittleEndian(Element(index)),
        GgufValueType.Float64 => BinaryPrimitives.ReadDoubleLittleEndian(Element(index)),
        _ => (double)Integer(index),
    };

    /// <summary>The texts in order; bytes that are not UTF-8 become U+FFFD.</summary>
    internal string[] Texts()
    {
        var texts = new string[Count];
        var position = Offset;
        for (var i = 0; i < texts.Length; i++)
        {
            var length = (int)BinaryPrimitives.ReadUInt64LittleEndian(File.Bytes(position, 8));
            texts[i] = Encoding.UTF8.GetString(File.Bytes(position + 8, length));
            position += 8 + length;
        }

        return texts;
    }

    private ReadOnlySpan<byte> Element(int index)
    {
        var size = Size(ElementType);
        return File.Bytes(Offset + ((long)index * size), size);
    }
}
