using OrleansLLM.Models.Blueprints;
using OrleansLLM.Models.Configuration;
using OrleansLLM.Models.Tensors;

namespace OrleansLLM.Models.Architectures;

/// <summary>
/// What one architecture is: which files are its own, what its configuration means, and how its layers are put together. To add one: a
/// class here and a row in <see cref="ModelCatalog"/>.
/// </summary>
internal abstract class Architecture
{
    /// <summary>The catalog's name.</summary>
    public abstract string Name { get; }

    /// <summary>config.json's <c>model_type</c>.</summary>
    public virtual string ModelType => Name;

    /// <summary>The entry of config.json's <c>architectures</c>.</summary>
    public abstract string ClassName { get; }

    /// <summary>GGUF's <c>general.architecture</c>.</summary>
    public virtual string GgufName => Name;

    public virtual TensorNames FolderNames => TensorNames.Llama;

    /// <summary>The order of query and key rows in GGUF files; folders have halves.</summary>
    public virtual RotaryOrder GgufRotaryOrder => RotaryOrder.Halves;

    /// <summary>Tells apart architectures that share a GGUF name, by what else the header says.</summary>
    public virtual bool MatchesGguf(ConfigSource header) => true;

    /// <exception cref="Files.FileFormatException">An impossible configuration.</exception>
    public abstract ModelConfig Configure(ConfigSource source);

    /// <exception cref="Files.FileFormatException">A tensor is missing or misshapen.</exception>
    public abstract DecoderBlueprint Build(BlueprintBuilder builder);
}
