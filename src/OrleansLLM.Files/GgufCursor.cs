using System.Buffers.Binary;
using System.Text;
using static System.FormattableString;

namespace OrleansLLM.Files;

/// <summary>Reads a GGUF header forwards; every read is checked against the end of the file.</summary>
internal sealed class GgufCursor(MappedFile file)
{
    private static readonly UTF8Encoding StrictUtf8 = new(false, true);

    public long Position { get; private set; }

    public long Remaining => file.Length - Position;

    public uint UInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));

    public ulong UInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(8));

    /// <summary>A count of things that take at least <paramref name="leastBytes"/> each, so a false count can't make anyone allocate.</summary>
    public int Count(string what, int leastBytes)
    {
        var count = UInt64();
        return count > (ulong)(Remaining / leastBytes) || count > int.MaxValue
            ? throw Broken($"it claims {count} {what}, more than its {file.Length} bytes can hold: it is cut off or broken")
            : (int)count;
    }

    /// <summary>A key or tensor name.</summary>
    public string Name()
    {
        var bytes = Take(StringLength());
        try
        {
            return StrictUtf8.GetString(bytes);
        }
        catch (DecoderFallbackException error)
        {
            throw new FileFormatException(file.Path, Invariant($"a name before byte {Position} is not UTF-8"), error);
        }
    }

    public int StringLength()
    {
        var length = UInt64();
        return length > (ulong)Remaining || length > int.MaxValue
            ? throw Broken(Invariant($"a string at byte {Position} claims {length} bytes, the file ends before: it is cut off or broken"))
            : (int)length;
    }

    public ReadOnlySpan<byte> Take(long length)
    {
        if (length > Remaining || length > int.MaxValue)
        {
            throw Broken($"it ends inside its header, at byte {file.Length}; copy or download it again");
        }

        var bytes = file.Bytes(Position, (int)length);
        Position += length;
        return bytes;
    }

    /// <summary>Steps over bytes that are read later, or never.</summary>
    public void Skip(long length)
    {
        if (length < 0 || length > Remaining)
        {
            throw Broken($"it ends inside its header, at byte {file.Length}; copy or download it again");
        }

        Position += length;
    }

    public FileFormatException Broken(string problem) => new(file.Path, problem);
}
