using System.Text.Json;

namespace OrleansLLM.Files;

/// <summary>The tensors of a checkpoint folder: <c>model.safetensors</c>, or the shards that its index names.</summary>
public sealed class SafetensorsFolder : ITensorFile
{
    /// <summary>The file of an unsharded checkpoint.</summary>
    public const string SingleName = "model.safetensors";

    /// <summary>The index of a sharded checkpoint.</summary>
    public const string IndexName = "model.safetensors.index.json";

    private const int MaxShards = 10_000;

    private readonly IReadOnlyList<SafetensorsFile> _shards;

    private SafetensorsFolder(string path, IReadOnlyList<SafetensorsFile> shards, IReadOnlyDictionary<string, FileTensor> tensors)
    {
        Path = path;
        _shards = shards;
        Tensors = tensors;
    }

    public string Path { get; }

    public IReadOnlyDictionary<string, FileTensor> Tensors { get; }

    /// <exception cref="FileFormatException">No tensors, or a shard that is missing or broken.</exception>
    public static SafetensorsFolder Open(FolderFiles folder)
    {
        if (folder.Contains(SingleName))
        {
            var single = SafetensorsFile.Open(folder.Resolve(SingleName));
            return new(folder.Path, [single], single.Tensors);
        }

        return folder.Contains(IndexName)
            ? OpenShards(folder, ReadIndex(folder))
            : throw new FileFormatException(
                folder.Path, $"holds neither {SingleName} nor {IndexName}; save the model as safetensors (save_pretrained does)");
    }

    public void Dispose()
    {
        foreach (var shard in _shards)
        {
            shard.Dispose();
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

    private static SafetensorsFolder OpenShards(FolderFiles folder, Dictionary<string, string> index)
    {
        var names = index.Values.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToList();
        if (names.Count > MaxShards)
        {
            throw new FileFormatException(folder.Resolve(IndexName), $"names {names.Count} files; at most {MaxShards} are read");
        }

        var paths = names.ConvertAll(folder.Resolve);
        var shards = new List<SafetensorsFile>();
        try
        {
            var tensors = new Dictionary<string, FileTensor>(StringComparer.Ordinal);
            for (var i = 0; i < names.Count; i++)
            {
                shards.Add(SafetensorsFile.Open(paths[i]));
                foreach (var (name, tensor) in shards[i].Tensors)
                {
                    if (!tensors.TryAdd(name, tensor) && index.GetValueOrDefault(name) == names[i])
                    {
                        tensors[name] = tensor;
                    }
                }
            }

            return new(folder.Path, shards, tensors);
        }
        catch
        {
            shards.ForEach(shard => shard.Dispose());
            throw;
        }
    }
}
