using OrleansLLM.Files;
using OrleansLLM.Text.Tokenizers.Models;

namespace OrleansLLM.Text.Tokenizers.Gguf;

/// <summary>The vocabulary in a GGUF file's header, whatever its kind.</summary>
internal sealed class GgufVocabulary
{
    private const string Prefix = "tokenizer.ggml.";

    private readonly GgufMetadata _metadata;
    private readonly IReadOnlyList<long>? _types;

    /// <exception cref="TokenizerException">The lists are missing or misshapen.</exception>
    public GgufVocabulary(GgufMetadata metadata)
    {
        _metadata = metadata;
        Kind = metadata.Text(Prefix + "model") ?? throw new TokenizerException($"{Prefix}model is missing: the file holds no vocabulary");
        Tokens = metadata.Texts(Prefix + "tokens") ?? throw new TokenizerException($"{Prefix}tokens is missing");
        _types = metadata.Integers(Prefix + "token_type");
        if (Tokens.Count > Vocabulary.MaxId)
        {
            throw new TokenizerException($"{Prefix}tokens has {Tokens.Count} entries; at most {Vocabulary.MaxId} are read");
        }

        Require("token_type", _types?.Count);
    }

    public string Kind { get; }

    public string? PreTokenizer => _metadata.Text(Prefix + "pre");

    public IReadOnlyList<string> Tokens { get; }

    public IReadOnlyList<string> Merges => _metadata.Texts(Prefix + "merges")
        ?? throw new TokenizerException($"{Prefix}merges is missing, a vocabulary of kind {Kind} needs it");

    public IReadOnlyList<float> Scores
    {
        get
        {
            var scores = _metadata.Numbers(Prefix + "scores")
                ?? throw new TokenizerException($"{Prefix}scores is missing, a vocabulary of kind {Kind} needs it");
            Require("scores", scores.Count);
            return scores;
        }
    }

    public GgufTokenType TypeOf(int id) => _types is null ? GgufTokenType.Normal : (GgufTokenType)_types[id];

    public bool? Flag(string name) => _metadata.Boolean(Prefix + name);

    /// <summary>A special token's id, or null where the file names none.</summary>
    /// <exception cref="TokenizerException">The id is not in the vocabulary.</exception>
    public int? SpecialId(string name) => _metadata.Integer($"{Prefix}{name}_token_id") switch
    {
        null => null,
        >= 0 and var id when id < Tokens.Count => (int)id,
        var id => throw new TokenizerException($"{Prefix}{name}_token_id is {id}, but the vocabulary has {Tokens.Count} tokens"),
    };

    private void Require(string name, int? count)
    {
        if (count is not null && count != Tokens.Count)
        {
            throw new TokenizerException($"{Prefix}{name} has {count} entries for {Tokens.Count} tokens");
        }
    }
}

/// <summary>GGUF's token types, numbered as in its files.</summary>
internal enum GgufTokenType
{
    Normal = 1,
    Unknown = 2,
    Control = 3,
    UserDefined = 4,
    Unused = 5,
    Byte = 6,
}
