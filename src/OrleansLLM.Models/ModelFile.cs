using OrleansLLM.Compute;
using OrleansLLM.Files;
using OrleansLLM.Models.Architectures;
using OrleansLLM.Models.Blueprints;
using OrleansLLM.Models.Configuration;
using OrleansLLM.Models.Layers;
using OrleansLLM.Models.Loading;
using OrleansLLM.Models.Tensors;

namespace OrleansLLM.Models;

/// <summary>
/// A model on disk, opened but not loaded: a Hugging Face folder, a GGUF file (the first part of a split one), or a folder that holds one
/// GGUF model. Opening reads headers and
/// norms only, and checks everything that headers can tell: the architecture, the configuration, each tensor's shape and
/// format. Loading hands the weights to a device; the file may be disposed afterwards.
/// </summary>
public sealed class ModelFile : IDisposable
{
    private readonly ITensorFile _tensors;
    private readonly ModelConfig _config;
    private readonly DecoderBlueprint _blueprint;

    private ModelFile(ITensorFile tensors, Architecture architecture, ConfigSource source, GenerationDefaults generation)
    {
        _tensors = tensors;
        Generation = generation;
        var isGguf = tensors is GgufFile;
        var reader = new TensorReader(tensors, isGguf ? TensorNames.Gguf : architecture.FolderNames);
        _config = WithDivisors(architecture.Configure(source), reader, tensors.Path);
        _blueprint = architecture.Build(new(_config, reader, isGguf ? architecture.GgufRotaryOrder : RotaryOrder.Halves));
        Fingerprint = Fingerprints.Compute(_config, tensors.Tensors);
        foreach (var tensor in tensors.Tensors.Values)
        {
            tensor.Release();
        }
    }

    /// <summary>The folder or the GGUF file.</summary>
    public string Path => _tensors.Path;

    /// <summary>The GGUF file, which also holds the vocabulary and the chat template; null for a folder.</summary>
    public GgufFile? Gguf => _tensors as GgufFile;

    public GenerationDefaults Generation { get; }

    /// <summary>The catalog's name of the architecture.</summary>
    public string Architecture => _config.Architecture;

    public int VocabularySize => _config.Vocabulary;

    /// <summary>Positions that the model was made for.</summary>
    public int MaxLength => _config.MaxLength;

    public int Layers => _config.Layers;

    public string Fingerprint { get; }

    /// <summary>Bytes of all tensors in the file.</summary>
    public long TensorBytes => _tensors.Tensors.Values.Sum(tensor => tensor.ByteLength);

    /// <summary>Weights of all tensors in the file.</summary>
    public long Parameters => _tensors.Tensors.Values.Sum(tensor => tensor.Shape.Aggregate(1L, (product, size) => product * size));

    /// <summary>How many tensors there are of each type, the most bytes first.</summary>
    public IReadOnlyList<(string Type, int Tensors)> TensorTypes =>
        [.. _tensors.Tensors.Values.GroupBy(tensor => tensor.Type)
            .OrderByDescending(type => type.Sum(tensor => tensor.ByteLength))
            .Select(type => (type.Key, type.Count()))];

    /// <exception cref="FileFormatException">It is no sound model; the message says what is wrong.</exception>
    /// <exception cref="UnsupportedModelException">It is of an architecture or format that is not built.</exception>
    public static ModelFile Open(string path)
    {
        var given = Directory.Exists(path) ? GgufFolder.Find(path) : path;
        return given is null ? OpenFolder(new(path)) : OpenGguf(given);
    }

    /// <summary>The cache that the model needs, known before it is loaded.</summary>
    public CacheLayout CacheLayout(ModelLoadOptions options) => CacheLayouts.Cut(_config, options).Layout;

    /// <summary>What the engine knows of the model.</summary>
    public ModelFacts Facts(ModelLoadOptions options) => new(
        Architecture, VocabularySize, MaxLength, CacheLayout(options), RotaryEmbedding.DynamicOrigin(_config.Rope), Fingerprint);

    /// <summary>Hands all weights to the device, whose thread this must be.</summary>
    public ICausalModel Load(IDevice device, ModelLoadOptions options, IProgress<LoadProgress>? progress = null) => new Decoder(
        _blueprint, _config, Facts(options), CacheLayouts.Cut(_config, options).Places, new(device, TensorBytes, progress), options.MaxRows);

    public void Dispose() => _tensors.Dispose();

    private static ModelFile OpenGguf(string path)
    {
        var file = GgufFile.Open(path);
        try
        {
            var (architecture, header) = ModelCatalog.OfGguf(file);
            return new(file, architecture, header, GenerationDefaultsReader.Read(file));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static ModelFile OpenFolder(FolderFiles folder)
    {
        using var document = folder.ReadJson("config.json");
        var root = document.RootElement;
        var source = new FolderConfig(folder.Resolve("config.json"), root);
        var architecture = ModelCatalog.OfFolder(source.Path, source.Text("model_type"), source.ClassName);
        if (source.QuantizationMethod is { } method)
        {
            throw new UnsupportedModelException(source.Path, $"weights quantized by {method} are not built; take the model as safetensors in BF16, F16 or F32, or as GGUF");
        }

        var tensors = SafetensorsFolder.Open(folder);
        try
        {
            return new(tensors, architecture, source, GenerationDefaultsReader.Read(folder, root));
        }
        catch
        {
            tensors.Dispose();
            throw;
        }
    }

    private static ModelConfig WithDivisors(ModelConfig config, TensorReader reader, string path)
    {
        if (config.Rope is null || !reader.Has(TensorRole.RopeDivisors))
        {
            return config;
        }

        var divisors = reader.Vector(TensorRole.RopeDivisors, 0, config.Rope.Width / 2);
        return Array.TrueForAll(divisors, divisor => divisor > 0)
            ? config with { Rope = config.Rope with { Divisors = divisors } }
            : throw new FileFormatException(path, "a rotary frequency factor (rope_freqs) is not above 0; the file is damaged");
    }
}
