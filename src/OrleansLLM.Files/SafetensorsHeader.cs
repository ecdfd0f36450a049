using System.Text.Json;
using static System.FormattableString;

namespace OrleansLLM.Files;

/// <summary>Reads and checks the header of a safetensors file; one object a file.</summary>
internal sealed class SafetensorsHeader(MappedFile file, long dataStart)
{
    private const int MaxDimensions = 16;

    private readonly Dictionary<string, FileTensor> _tensors = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _metadata = new(StringComparer.Ordinal);

    public IReadOnlyDictionary<string, FileTensor> Tensors => _tensors;

    public IReadOnlyDictionary<string, string> Metadata => _metadata;

    public void Read(ReadOnlySpan<byte> header)
    {
        var reader = new Utf8JsonReader(header, new JsonReaderOptions { MaxDepth = 16 });
        _ = reader.Read();
        var metadataSeen = false;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = reader.GetString()!;
            _ = reader.Read();
            if (reader.TokenType != JsonTokenType.StartObject)
            {
                throw Broken($"its header's entry {name} is not an object");
            }

            if (name == "__metadata__")
            {
                ReadMetadata(ref reader, metadataSeen);
                metadataSeen = true;
            }
            else if (!_tensors.TryAdd(name, ReadTensor(ref reader, name)))
            {
                throw Broken($"tensor {name} is listed twice");
            }
        }

        while (reader.Read())
        {
        }

        CheckCoverage();
    }

    private void ReadMetadata(ref Utf8JsonReader reader, bool seen)
    {
        if (seen)
        {
            throw Broken("__metadata__ is listed twice");
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var key = reader.GetString()!;
            _ = reader.Read();
            _metadata[key] = reader.TokenType == JsonTokenType.String
                ? reader.GetString()!
                : throw Broken($"__metadata__ may hold strings only, {key} is none");
        }
    }

    private FileTensor ReadTensor(ref Utf8JsonReader reader, string name)
    {
        string? type = null;
        long[]? shape = null;
        long[]? offsets = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var field = reader.GetString();
            _ = reader.Read();
            switch (field)
            {
                case "dtype" when reader.TokenType == JsonTokenType.String:
                    type = reader.GetString();
                    break;
                case "shape":
                    shape = ReadNumbers(ref reader, name, field);
                    break;
                case "data_offsets":
                    offsets = ReadNumbers(ref reader, name, field);
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return Tensor(
            name,
            type ?? throw Broken($"tensor {name} has no dtype"),
            shape ?? throw Broken($"tensor {name} has no shape"),
            offsets ?? throw Broken($"tensor {name} has no data_offsets"));
    }

    private long[] ReadNumbers(ref Utf8JsonReader reader, string name, string field)
    {
        var numbers = new List<long>();
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            throw Broken($"{field} of tensor {name} is not a list");
        }

        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out var number) || number < 0 || numbers.Count == MaxDimensions)
            {
                throw Broken($"{field} of tensor {name} must hold at most {MaxDimensions} whole numbers from 0 to 2^63");
            }

            numbers.Add(number);
        }

        return [.. numbers];
    }

    private FileTensor Tensor(string name, string type, long[] shape, long[] offsets)
    {
        var bits = SafetensorsTypes.Find(type) ?? throw Broken($"tensor {name} has dtype {type}, which safetensors does not know");
        var elements = TensorExtents.Elements(shape) ?? throw Broken($"the shape of tensor {name} overflows");
        if (offsets.Length != 2 || offsets[0] > offsets[1] || offsets[1] > file.Length - dataStart)
        {
            throw Broken(
                Invariant($"data_offsets [{FileTensor.Join(offsets)}] of tensor {name} do not lie in the {file.Length - dataStart} bytes of data: ")
                + "the file is cut off or broken");
        }

        var bytes = offsets[1] - offsets[0];
        return (Int128)elements * bits != (Int128)bytes * 8
            ? throw Broken(Invariant($"tensor {name} has {bytes} bytes, {type} [{FileTensor.Join(shape)}] needs {(Int128)elements * bits / 8}"))
            : new(file, name, type, shape, dataStart + offsets[0], bytes);
    }

    private void CheckCoverage()
    {
        var position = dataStart;
        foreach (var tensor in TensorExtents.InOrder(_tensors.Values))
        {
            if (tensor.Offset != position)
            {
                throw Broken(tensor.Offset < position
                    ? $"tensor {tensor.Name} shares bytes with another"
                    : Invariant($"{tensor.Offset - position} bytes before tensor {tensor.Name} belong to no tensor"));
            }

            position += tensor.ByteLength;
        }

        if (position != file.Length)
        {
            throw Broken(Invariant($"{file.Length - position} bytes behind the last tensor belong to no tensor"));
        }
    }

    private FileFormatException Broken(string problem) => new(file.Path, problem);
}
