using System.Globalization;
using OrleansLLM.Compute;

namespace OrleansLLM.Models.Configuration;

/// <summary>What a file says of its biases.</summary>
internal enum BiasPresence
{
    None,
    Required,

    /// <summary>The header does not say: used where the tensor is there.</summary>
    AsInFile,
}

/// <summary>A decoder's numbers, normalized: the same record from config.json of any version and from a GGUF header.</summary>
internal sealed record ModelConfig
{
    public required string Architecture { get; init; }

    public required int Layers { get; init; }

    /// <summary>Numbers of a hidden state.</summary>
    public required int Width { get; init; }

    public required int Heads { get; init; }

    public required int KeyHeads { get; init; }

    public required int HeadWidth { get; init; }

    /// <summary>Numbers inside the MLP (of one expert).</summary>
    public required int Inner { get; init; }

    public required int Vocabulary { get; init; }

    public required int MaxLength { get; init; }

    public required float Epsilon { get; init; }

    public required Activation Activation { get; init; }

    /// <summary>Null with learned positions.</summary>
    public RopeConfig? Rope { get; init; }

    /// <summary>The window of each layer, 0 = all keys.</summary>
    public required IReadOnlyList<int> Windows { get; init; }

    public required HeadTying Head { get; init; }

    public BiasPresence QkvBias { get; init; }

    public BiasPresence OutputBias { get; init; }

    public BiasPresence MlpBias { get; init; }

    /// <summary>What attention scores are multiplied with.</summary>
    public required float AttentionScale { get; init; }

    public ScoreScaling ScoreScaling { get; init; }

    public float AttentionSoftCap { get; init; }

    public float LogitSoftCap { get; init; }

    public float EmbeddingScale { get; init; } = 1;

    /// <summary>Added to the scales of RMS norms.</summary>
    public float NormOffset { get; init; }

    public int Experts { get; init; }

    public int SelectedExperts { get; init; }

    /// <summary>Every number that changes what is computed, as one text: equal configurations give equal texts.</summary>
    public string Describe()
    {
        var windows = string.Join(' ', Windows.Select(window => window.ToString(CultureInfo.InvariantCulture)));
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{Architecture} {Layers} {Width} {Heads} {KeyHeads} {HeadWidth} {Inner} {Vocabulary} {Epsilon} {Activation} {Rope?.Describe()} "
            + $"[{windows}] {Head} {QkvBias} {OutputBias} {MlpBias} {AttentionScale} {ScoreScaling} {AttentionSoftCap} {LogitSoftCap} "
            + $"{EmbeddingScale} {NormOffset} {Experts} {SelectedExperts}");
    }
}

/// <summary>Where the output matrix comes from.</summary>
internal enum HeadTying
{
    /// <summary>Its own tensor, which must be there.</summary>
    Separate,

    /// <summary>The embedding table, whatever else the file holds.</summary>
    Embedding,

    /// <summary>Its own tensor if there is one, else the embedding table (GGUF).</summary>
    AsInFile,
}

/// <summary>Whether attention scores are scaled alike in all layers.</summary>
internal enum ScoreScaling
{
    Same,

    /// <summary>Divided by the layer's number, counted from 1.</summary>
    ByLayer,
}
