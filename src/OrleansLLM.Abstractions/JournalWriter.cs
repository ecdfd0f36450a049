using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace OrleansLLM;

/// <summary>The plain values that <see cref="JournalFormat"/> is made of, little-endian, one behind the other.</summary>
internal sealed class JournalWriter(int capacity)
{
    private readonly ArrayBufferWriter<byte> _bytes = new(capacity);

    public byte[] ToArray() => _bytes.WrittenSpan.ToArray();

    public void Byte(byte value) => Take(1)[0] = value;

    public void Flag(bool value) => Byte(value ? (byte)1 : (byte)0);

    public void Int(int value) => BinaryPrimitives.WriteInt32LittleEndian(Take(4), value);

    public void Long(long value) => BinaryPrimitives.WriteInt64LittleEndian(Take(8), value);

    public void ULong(ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(Take(8), value);

    public void Float(float value) => BinaryPrimitives.WriteSingleLittleEndian(Take(4), value);

    public void Text(string value)
    {
        var length = Encoding.UTF8.GetByteCount(value);
        Int(length);
        Encoding.UTF8.GetBytes(value, Take(length));
    }

    public void Bytes(ReadOnlySpan<byte> values)
    {
        Int(values.Length);
        values.CopyTo(Take(values.Length));
    }

    public void Ints(ReadOnlySpan<int> values)
    {
        Int(values.Length);
        var to = MemoryMarshal.Cast<byte, int>(Take(checked(4 * values.Length)));
        if (BitConverter.IsLittleEndian)
        {
            values.CopyTo(to);
        }
        else
        {
            BinaryPrimitives.ReverseEndianness(values, to);
        }
    }

    public void List<T>(IReadOnlyList<T> items, Action<JournalWriter, T> write)
    {
        Int(items.Count);
        foreach (var item in items)
        {
            write(this, item);
        }
    }

    public void Optional<T>(T? value, Action<T> write)
        where T : struct
    {
        Flag(value is not null);
        if (value is { } present)
        {
            write(present);
        }
    }

    private Span<byte> Take(int count)
    {
        var span = _bytes.GetSpan(count)[..count];
        _bytes.Advance(count);
        return span;
    }
}
