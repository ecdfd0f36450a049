using OrleansLLM.Compute;
using OrleansLLM.Files;
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
    private readonly ModelHeader _header;
    private readonly ITensorFile _tensors;
    private readonly ModelConfig _config;
    private readonly DecoderBlueprint _blueprint;

    private ModelFile(ModelHeader header, ITensorFile tensors)
    {
        (_header, _tensors) = (header, tensors);
        var (architecture, isGguf) = (header.Architecture, tensors is GgufFile);
        var reader = new TensorReader(tensors, isGguf ? TensorNames.Gguf : architecture.FolderNames);
        _config = WithDivisors(header.Config, reader, tensors.Path);
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

    public GenerationDefaults Generation => _header.Generation;

    /// <summary>The catalog's name of the architecture.</summary>
    public string Architecture => _config.Architecture;

    public int VocabularySize => _config.Vocabulary;

    /// <summary>Positions that the model was made for.</summary>
    public int MaxLength => _config.MaxLength;

    public int Layers => _config.Layers;

    /// <summary>Equal for equal weights and configurations.</summary>
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
    public static ModelFile Open(string path) => Open(ModelHeader.Open(path));

    /// <summary>Goes on from a header, which belongs to the file from now on, also where opening fails.</summary>
    /// <exception cref="FileFormatException">Its tensors are not sound, or are missing.</exception>
    /// <exception cref="UnsupportedModelException">A tensor is of a format that is not built.</exception>
    public static ModelFile Open(ModelHeader header)
    {
        ITensorFile? tensors = null;
        try
        {
            tensors = header.OpenTensors();
            return new(header, tensors);
        }
        catch
        {
            tensors?.Dispose();
            header.Dispose();
            throw;
        }
    }

    /// <summary>What the engine knows of the model, the cache that it needs among it.</summary>
    public ModelFacts Facts(ModelLoadOptions options) => _header.Facts(options);

    /// <summary>Hands all weights to the device, whose thread this must be.</summary>
    public ICausalModel Load(IDevice device, ModelLoadOptions options, IProgress<LoadProgress>? progress = null) => new Decoder(
        _blueprint, _config, Facts(options), CacheLayouts.Cut(_config, options).Places, new(device, TensorBytes, progress), options.MaxRows)
    {
        Fingerprint = Fingerprint,
    };

    public void Dispose() => _tensors.Dispose();

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
