using System.Text;
using OrleansLLM.Files;

namespace OrleansLLM.Testing;

/// <summary>Writes small GGUF files, byte by byte.</summary>
public sealed class GgufBuilder
{
    private readonly MemoryStream _entries = new();
    private readonly MemoryStream _tensors = new();
    private readonly MemoryStream _data = new();
    private ulong _entryCount;
    private ulong _tensorCount;

    public uint Version { get; init; } = 3;

    public GgufBuilder Text(string key, string value) => Entry(key, GgufValueType.Text, writer => WriteText(writer, value));

    public GgufBuilder UInt32(string key, uint value) => Entry(key, GgufValueType.UInt32, writer => writer.Write(value));

    public GgufBuilder UInt16(string key, ushort value) => Entry(key, GgufValueType.UInt16, writer => writer.Write(value));

    public GgufBuilder UInt64(string key, ulong value) => Entry(key, GgufValueType.UInt64, writer => writer.Write(value));

    public GgufBuilder Int32(string key, int value) => Entry(key, GgufValueType.Int32, writer => writer.Write(value));

    public GgufBuilder Float32(string key, float value) => Entry(key, GgufValueType.Float32, writer => writer.Write(value));

    public GgufBuilder Bool(string key, bool value) => Entry(key, GgufValueType.Bool, writer => writer.Write(value));

    public GgufBuilder Texts(string key, params string[] values) => Entry(key, GgufValueType.Array, writer =>
    {
        writer.Write((uint)GgufValueType.Text);
        writer.Write((ulong)values.Length);
        Array.ForEach(values, value => WriteText(writer, value));
    });

    public GgufBuilder Int32s(string key, params int[] values) => Entry(key, GgufValueType.Array, writer =>
    {
        writer.Write((uint)GgufValueType.Int32);
        writer.Write((ulong)values.Length);
        Array.ForEach(values, writer.Write);
    });

    public GgufBuilder Float32s(string key, params float[] values) => Entry(key, GgufValueType.Array, writer =>
    {
        writer.Write((uint)GgufValueType.Float32);
        writer.Write((ulong)values.Length);
        Array.ForEach(values, writer.Write);
    });

    /// <summary>A tensor by GGUF's order of dimensions, the innermost first.</summary>
    public GgufBuilder Tensor(string name, uint type, byte[] bytes, params ulong[] dimensions)
    {
        Pad(_data, 32);
        using var writer = new BinaryWriter(_tensors, Encoding.UTF8, true);
        WriteText(writer, name);
        writer.Write((uint)dimensions.Length);
        Array.ForEach(dimensions, writer.Write);
        writer.Write(type);
        writer.Write((ulong)_data.Length);
        _data.Write(bytes);
        _tensorCount++;
        return this;
    }

    public byte[] Build()
    {
        var file = new MemoryStream();
        using var writer = new BinaryWriter(file);
        writer.Write("GGUF"u8);
        writer.Write(Version);
        writer.Write(_tensorCount);
        writer.Write(_entryCount);
        writer.Write(_entries.ToArray());
        writer.Write(_tensors.ToArray());
        Pad(file, 32);
        writer.Write(_data.ToArray());
        return file.ToArray();
    }

    private static void Pad(MemoryStream stream, int alignment)
    {
        while (stream.Length % alignment != 0)
        {
            stream.WriteByte(0);
        }
    }

    private static void WriteText(BinaryWriter writer, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        writer.Write((ulong)bytes.Length);
        writer.Write(bytes);
    }

    private GgufBuilder Entry(string key, GgufValueType type, Action<BinaryWriter> value)
    {
        using var writer = new BinaryWriter(_entries, Encoding.UTF8, true);
        WriteText(writer, key);
        writer.Write((uint)type);
        value(writer);
        _entryCount++;
        return this;
    }
}
