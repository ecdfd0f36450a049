using System.Buffers.Binary;
using System.Text.Json;
using System.Text.Unicode;

namespace OrleansLLM.Files;

/// <summary>
/// One safetensors file: 8 bytes of header length, a JSON header, tensor data without gaps
/// (https://github.com/huggingface/safetensors, "Format"). The header is read and checked wholly when the file is opened.
/// </summary>
public sealed class SafetensorsFile : ITensorFile
{
    /// <summary>The format's own limit of the header, in bytes.</summary>
    public const int MaxHeaderBytes = 100_000_000;

    private const int LengthBytes = 8;

    private readonly MappedFile _file;

    private SafetensorsFile(MappedFile file, IReadOnlyDictionary<string, FileTensor> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        _file = file;
        Tensors = tensors;
        Metadata = metadata;
    }

    public string Path => _file.Path;

    public IReadOnlyDictionary<string, FileTensor> Tensors { get; }

    /// <summary>The header's <c>__metadata__</c>; empty without one.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <exception cref="FileFormatException">Not a sound safetensors file.</exception>
    public static SafetensorsFile Open(string path)
    {
        var file = MappedFile.Open(path);
        try
        {
            var header = Header(file);
            var reader = new SafetensorsHeader(file, LengthBytes + header.Length);
            reader.Read(header);
            return new(file, reader.Tensors, reader.Metadata);
        }
        catch (Exception error)
        {
            file.Dispose();
            if (error is JsonException or InvalidOperationException or FormatException)
            {
                throw new FileFormatException(path, $"its safetensors header is not sound JSON ({error.Message})", error);
            }

            throw;
        }
    }

    public void Dispose() => _file.Dispose();

    private static ReadOnlySpan<byte> Header(MappedFile file)
    {
        if (file.Length < LengthBytes + 2)
        {
            throw new FileFormatException(file.Path, $"{file.Length} bytes are too few for a safetensors file; copy or download it again");
        }

        var length = BinaryPrimitives.ReadUInt64LittleEndian(file.Bytes(0, LengthBytes));
        if (length > (ulong)(file.Length - LengthBytes))
        {
            throw new FileFormatException(
                file.Path, $"its header claims {length} bytes, the file has {file.Length}: it is cut off or no safetensors file");
        }

        if (length is < 2 or > MaxHeaderBytes)
        {
            throw new FileFormatException(file.Path, $"its header claims {length} bytes; 2 to {MaxHeaderBytes} are possible");
        }

        var header = file.Bytes(LengthBytes, (int)length);
        return header[0] != (byte)'{'
            ? throw new FileFormatException(file.Path, "its header is not a JSON object: no safetensors file")
            : Utf8.IsValid(header) ? header : throw new FileFormatException(file.Path, "its header is not UTF-8");
    }
}
