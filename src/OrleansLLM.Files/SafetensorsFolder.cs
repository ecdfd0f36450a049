using System.Text.Json;

namespace OrleansLLM.Files;

/// <summary>The tensors of a checkpoint folder: of the files that its index names, or without one, of <see cref="WeightFiles"/>.</summary>
public sealed class SafetensorsFolder : ITensorFile
{
    /// <summary>The file of an unsharded checkpoint.</summary>
    public const string SingleName = "model.safetensors";

    /// <summary>The index of a sharded checkpoint.</summary>
    public const string IndexName = "model.safetensors.index.json";

    private const int MaxShards = 10_000;

    private readonly IReadOnlyList<SafetensorsFile> _files;

    private SafetensorsFolder(string path, IReadOnlyList<SafetensorsFile> files, IReadOnlyDictionary<string, FileTensor> tensors)
    {
        Path = path;
        _files = files;
        Tensors = tensors;
    }

    public string Path { get; }

    public IReadOnlyDictionary<string, FileTensor> Tensors { get; }

    /// <exception cref="FileFormatException">No tensors, or a file that is missing or broken.</exception>
    public static SafetensorsFolder Open(FolderFiles folder)
    {
        var index = folder.Contains(IndexName) ? ReadIndex(folder) : [];
        var names = index.Count > 0 ? NamesIn(index, folder) : WeightFiles.Find(folder);
        var paths = names.Select(folder.Resolve).ToList();
        var files = new List<SafetensorsFile>();
        try
        {
            var tensors = new Dictionary<string, FileTensor>(StringComparer.Ordinal);
            for (var i = 0; i < names.Count; i++)
            {
                files.Add(SafetensorsFile.Open(paths[i]));
                Add(files[i], names[i], index, tensors);
            }

            return new(folder.Path, files, tensors);
        }
        catch
        {
            files.ForEach(file => file.Dispose());
            throw;
        }
    }

    public void Dispose()
    {
        foreach (var file in _files)
        {
            file.Dispose();
        }
    }

    private static Dictionary<string, string> ReadIndex(FolderFiles folder)
    {
        using var document = folder.ReadJson(IndexName);
        if (!document.RootElement.TryGetProperty("weight_map", out var map) || map.ValueKind != JsonValueKind.Object)
        {
            throw new FileFormatException(folder.Resolve(IndexName), "has no weight_map object");
        }

        var files = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var entry in map.EnumerateObject())
        {
            files[entry.Name] = entry.Value.ValueKind == JsonValueKind.String
                ? entry.Value.GetString()!
                : throw new FileFormatException(folder.Resolve(IndexName), $"the file of tensor {entry.Name} is not a string");
        }

        return files.Count == 0 ? throw new FileFormatException(folder.Resolve(IndexName), "its weight_map is empty") : files;
    }

    private static List<string> NamesIn(Dictionary<string, string> index, FolderFiles folder)
    {
        var names = index.Values.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToList();
        if (names.Count > MaxShards)
        {
            throw new FileFormatException(folder.Resolve(IndexName), $"names {names.Count} files; at most {MaxShards} are read");
        }

        return names.Find(name => !folder.Contains(name)) is { } missing && folder.Resolve(missing) is { } path
            ? throw new FileFormatException(path, $"is not there, but {IndexName} names it; copy or download it, or the whole model, again")
            : names;
    }

    /// <summary>Of a tensor in several files, the one counts that the index says.</summary>
    private static void Add(SafetensorsFile file, string fileName, Dictionary<string, string> index, Dictionary<string, FileTensor> tensors)
    {
        foreach (var (name, tensor) in file.Tensors)
        {
            if (tensors.TryAdd(name, tensor))
            {
                continue;
            }

            if (index.Count == 0)
            {
                throw new FileFormatException(file.Path, $"tensor {name} is also in {tensors[name].File.Path}, and there is no {IndexName} to tell which counts");
            }

            if (index.GetValueOrDefault(name) == fileName)
            {
                tensors[name] = tensor;
            }
        }
    }
}
