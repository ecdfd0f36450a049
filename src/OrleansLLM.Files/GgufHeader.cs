using static System.FormattableString;

namespace OrleansLLM.Files;

/// <summary>
/// Reads and checks everything of one GGUF file but its weights: versions 2 and 3, little-endian
/// (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md).
/// </summary>
internal sealed class GgufHeader
{
    private const uint Magic = 0x46554747;
    private const int MaxDimensions = 4;
    private const int MaxArrayDepth = 4;
    private const int LeastKeyBytes = 8 + 4 + 1;
    private const int LeastTensorBytes = 8 + 4 + 4 + 8;
    private const int DefaultAlignment = 32;
    private const string AlignmentKey = "general.alignment";

    private readonly MappedFile _file;
    private readonly GgufCursor _cursor;
    private readonly Dictionary<string, GgufValue> _values = new(StringComparer.Ordinal);
    private readonly Dictionary<string, FileTensor> _tensors = new(StringComparer.Ordinal);

    public GgufHeader(MappedFile file)
    {
        _file = file;
        _cursor = new(file);
        CheckVersion();
        var tensors = _cursor.Count("tensors", LeastTensorBytes);
        var keys = _cursor.Count("metadata entries", LeastKeyBytes);
        for (var i = 0; i < keys; i++)
        {
            ReadEntry();
        }

        Metadata = new(file.Path, _values);
        ReadTensors(tensors);
        TensorExtents.RefuseOverlap(file.Path, _tensors.Values);
    }

    public uint Version { get; private set; }

    public GgufMetadata Metadata { get; }

    public IReadOnlyDictionary<string, FileTensor> Tensors => _tensors;

    private void CheckVersion()
    {
        if (_file.Length < 24 || _cursor.UInt32() != Magic)
        {
            throw _cursor.Broken("is no GGUF file: it does not begin with GGUF and its counts");
        }

        Version = _cursor.UInt32();
        if (Version is not (2 or 3))
        {
            throw _cursor.Broken(
                (Version & 0xFFFF) == 0 ? "is a big-endian GGUF file; convert it to little-endian"
                : $"is a GGUF file of version {Version}; versions 2 and 3 are read (convert it with a recent llama.cpp)");
        }
    }

    private void ReadEntry()
    {
        var key = _cursor.Name();
        var type = ReadType(key);
        var value = type == GgufValueType.Array ? ReadArray(key, 1) : new(_file, type, type, 1, _cursor.Position);
        if (type != GgufValueType.Array)
        {
            SkipValue(type);
        }

        if (!_values.TryAdd(key, value))
        {
            throw _cursor.Broken($"metadata key {key} is listed twice");
        }
    }

    private GgufValueType ReadType(string key)
    {
        var type = _cursor.UInt32();
        return type <= (uint)GgufValueType.Float64
            ? (GgufValueType)type
            : throw _cursor.Broken($"metadata key {key} has type {type}, which GGUF does not know");
    }

    private GgufValue ReadArray(string key, int depth)
    {
        if (depth > MaxArrayDepth)
        {
            throw _cursor.Broken($"metadata key {key} nests arrays more than {MaxArrayDepth} deep");
        }

        var type = ReadType(key);
        var size = GgufValue.Size(type);
        var count = _cursor.Count($"elements of {key}", size > 0 ? size : type == GgufValueType.Text ? 8 : 12);
        var value = new GgufValue(_file, GgufValueType.Array, type, count, _cursor.Position);
        if (size > 0)
        {
            _cursor.Skip((long)size * count);
            return value;
        }

        for (var i = 0; i < count; i++)
        {
            if (type == GgufValueType.Array)
            {
                _ = ReadArray(key, depth + 1);
            }
            else
            {
                SkipValue(type);
            }
        }

        return value;
    }

    private void SkipValue(GgufValueType type) => _cursor.Skip(type == GgufValueType.Text ? _cursor.StringLength() : GgufValue.Size(type));

    private void ReadTensors(int count)
    {
        var found = new List<(string Name, GgmlType Type, long[] Shape, ulong Offset)>();
        for (var i = 0; i < count; i++)
        {
            var name = _cursor.Name();
            var shape = ReadShape(name);
            found.Add((name, ReadTensorType(name), shape, _cursor.UInt64()));
        }

        var alignment = Alignment();
        var start = (_cursor.Position + alignment - 1) / alignment * alignment;
        foreach (var (name, type, shape, offset) in found)
        {
            if (!_tensors.TryAdd(name, Tensor(name, type, shape, offset, (start, alignment))))
            {
                throw _cursor.Broken($"tensor {name} is listed twice");
            }
        }
    }

    private long[] ReadShape(string name)
    {
        var dimensions = _cursor.UInt32();
        if (dimensions > MaxDimensions)
        {
            throw _cursor.Broken($"tensor {name} has {dimensions} dimensions; at most {MaxDimensions} are possible");
        }

        var shape = new long[dimensions];
        for (var i = shape.Length - 1; i >= 0; i--)
        {
            var size = _cursor.UInt64();
            shape[i] = size <= long.MaxValue ? (long)size : throw _cursor.Broken($"a dimension of tensor {name} is {size}");
        }

        return shape;
    }

    private GgmlType ReadTensorType(string name)
    {
        var type = _cursor.UInt32();
        return GgmlTypes.Find(type) ?? throw _cursor.Broken($"tensor {name} has type {type}, which is not known; a newer version may read it");
    }

    private FileTensor Tensor(string name, GgmlType type, long[] shape, ulong offset, (long Start, long Alignment) data)
    {
        var elements = TensorExtents.Elements(shape) ?? throw _cursor.Broken($"the shape of tensor {name} overflows");
        if ((shape.Length == 0 ? 1 : shape[^1]) % type.BlockElements != 0)
        {
            throw _cursor.Broken(Invariant($"a row of tensor {name} has {(shape.Length == 0 ? 1 : shape[^1])} numbers, {type.Name} has blocks of {type.BlockElements}"));
        }

        if (offset % (ulong)data.Alignment != 0)
        {
            throw _cursor.Broken(Invariant($"tensor {name} lies at {offset}, which is no multiple of the alignment {data.Alignment}"));
        }

        var bytes = (Int128)(elements / type.BlockElements) * type.BlockBytes;
        return data.Start + (Int128)offset + bytes > _file.Length
            ? throw _cursor.Broken($"tensor {name} ends behind the file's last byte: the file is cut off; copy or download it again")
            : new(_file, name, type.Name, shape, data.Start + (long)offset, (long)bytes);
    }

    private long Alignment()
    {
        if (!_values.TryGetValue(AlignmentKey, out var value))
        {
            return DefaultAlignment;
        }

        var alignment = value.Type == GgufValueType.UInt32 ? Metadata.Integer(AlignmentKey)!.Value : 0;
        return alignment is > 0 and <= 1 << 20 && long.IsPow2(alignment)
            ? alignment
            : throw _cursor.Broken($"{AlignmentKey} must be a power of two up to 2^20, stored as uint32");
    }
}
