using OrleansLLM.Files;
using OrleansLLM.Models.Architectures;
using OrleansLLM.Models.Configuration;
using OrleansLLM.Models.Layers;
using OrleansLLM.Models.Loading;

namespace OrleansLLM.Models;

/// <summary>
/// What config.json or a GGUF header says of a model, before a tensor is looked at: enough to know whether options fit it. A folder's
/// weights may still be missing; those of a GGUF file lie behind the header, and nothing of them is read.
/// <see cref="ModelFile.Open(ModelHeader)"/> goes on from here.
/// </summary>
public sealed class ModelHeader : IDisposable
{
    private const string ConfigFile = "config.json";

    private readonly FolderFiles? _folder;

    private ModelHeader(Architecture architecture, ModelConfig config, GenerationDefaults generation, FolderFiles? folder, GgufFile? gguf) =>
        (Architecture, Config, Generation, _folder, Gguf) = (architecture, config, generation, folder, gguf);

    internal Architecture Architecture { get; }

    internal ModelConfig Config { get; }

    internal GenerationDefaults Generation { get; }

    /// <summary>Null for a folder.</summary>
    internal GgufFile? Gguf { get; }

    /// <exception cref="FileFormatException">It is no sound model; the message says what is wrong.</exception>
    /// <exception cref="UnsupportedModelException">It is of an architecture that is not built.</exception>
    public static ModelHeader Open(string path)
    {
        if (path.Length == 0)
        {
            throw new FileFormatException("\"\"", "is an empty path; give a Hugging Face folder or a GGUF file");
        }

        var given = Directory.Exists(path) ? GgufFolder.Find(path) : path;
        return given is null ? OpenFolder(new(path)) : OpenGguf(given);
    }

    /// <summary>What the engine knows of the model.</summary>
    public ModelFacts Facts(ModelLoadOptions options) => new(
        Config.Architecture, Config.Vocabulary, Config.MaxLength, CacheLayouts.Cut(Config, options).Layout, RotaryEmbedding.DynamicOrigin(Config.Rope));

    public void Dispose() => Gguf?.Dispose();

    /// <exception cref="FileFormatException">No tensors, or a file that is missing or broken.</exception>
    internal ITensorFile OpenTensors() => (ITensorFile?)Gguf ?? SafetensorsFolder.Open(_folder!);

    private static ModelHeader OpenGguf(string path)
    {
        var file = GgufFile.Open(path);
        try
        {
            var (architecture, header) = ModelCatalog.OfGguf(file);
            var config = architecture.Configure(header);
            return new(architecture, config, GenerationDefaultsReader.Read(file, config.Vocabulary), null, file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static ModelHeader OpenFolder(FolderFiles folder)
    {
        if (!folder.Contains(ConfigFile))
        {
            throw new FileFormatException(folder.Path, Directory.Exists(Path.Combine(folder.Path, "snapshots"))
                ? "is a repository of the hub's cache; give one of the folders in its snapshots"
                : $"holds neither {ConfigFile} nor a GGUF file; give a Hugging Face folder or a GGUF file");
        }

        using var document = folder.ReadJson(ConfigFile);
        var root = document.RootElement;
        var source = new FolderConfig(folder.Resolve(ConfigFile), root);
        var architecture = ModelCatalog.OfFolder(source.Path, source.Text("model_type"), source.ClassName);
        if (source.QuantizationMethod is { } method)
        {
            throw new UnsupportedModelException(source.Path, $"weights quantized by {method} are not built; take the model as safetensors in BF16, F16 or F32, or as GGUF");
        }

        var config = architecture.Configure(source);
        return new(architecture, config, GenerationDefaultsReader.Read(folder, root, config.Vocabulary), folder, null);
    }
}
