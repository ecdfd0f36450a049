using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using static System.FormattableString;

namespace OrleansLLM;

/// <summary>
/// Reads what <see cref="JournalWriter"/> writes. Bytes may be anything: every length is checked against what is left before memory
/// is taken for it, and whatever does not fit is a <see cref="JournalFormatException"/>.
/// </summary>
internal ref struct JournalReader(ReadOnlySpan<byte> bytes)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;
    private int _position;

    public delegate T ReadItem<out T>(ref JournalReader from);

    private readonly int Left => _bytes.Length - _position;

    public byte Byte() => Take(1)[0];

    public bool Flag() => Byte() switch
    {
        0 => false,
        1 => true,
        var value => throw new JournalFormatException(Invariant($"The journal holds {value} at byte {_position - 1}, where only 0 or 1 can stand.")),
    };

    public int Int() => BinaryPrimitives.ReadInt32LittleEndian(Take(4));

    public long Long() => BinaryPrimitives.ReadInt64LittleEndian(Take(8));

    public ulong ULong() => BinaryPrimitives.ReadUInt64LittleEndian(Take(8));

    public float Float() => BinaryPrimitives.ReadSingleLittleEndian(Take(4));

    public string Text() => Encoding.UTF8.GetString(Take(Count(1)));

    public byte[] Bytes() => Take(Count(1)).ToArray();

    public int[] Ints()
    {
        var count = Count(4);
        var values = MemoryMarshal.Cast<byte, int>(Take(4 * count)).ToArray();
        if (!BitConverter.IsLittleEndian)
        {
            BinaryPrimitives.ReverseEndianness(values, values);
        }

        return values;
    }

    public T[] List<T>(ReadItem<T> read)
    {
        var items = new T[Count(1)];
        for (var i = 0; i < items.Length; i++)
        {
            items[i] = read(ref this);
        }

        return items;
    }

    /// <summary>Nothing may follow.</summary>
    public readonly void End()
    {
        if (Left != 0)
        {
            throw new JournalFormatException(Invariant($"The journal ends at byte {_position}, but {Left} more bytes follow."));
        }
    }

    private int Count(int itemBytes)
    {
        var count = Int();
        return count >= 0 && count <= Left / itemBytes
            ? count
            : throw new JournalFormatException(Invariant($"The journal announces {count} items at byte {_position - 4}; {Left} bytes are left."));
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > Left)
        {
            throw new JournalFormatException(Invariant($"The journal is cut off: byte {_position} should begin {count} bytes, {Left} are left."));
        }

        _position += count;
        return _bytes.Slice(_position - count, count);
    }
}
