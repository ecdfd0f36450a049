using System.Globalization;
using OrleansLLM.Files;
using OrleansLLM.Text.Tokenizers.Models;
using static System.FormattableString;

namespace OrleansLLM.Text.Tokenizers.Gguf;

/// <summary>The vocabulary in a GGUF file's header, whatever its kind.</summary>
internal sealed class GgufVocabulary
{
    private const string Prefix = "tokenizer.ggml.";

    private readonly GgufMetadata _metadata;
    private readonly IReadOnlyList<long>? _types;
    private readonly HashSet<int> _turnEnds;
    private readonly HashSet<string> _retypedTexts;

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
        _turnEnds = [.. TurnEnds.Find(Tokens, id => TypeInFile(id) == GgufTokenType.Control)];
        _retypedTexts = _turnEnds.Where(id => TypeInFile(id) != GgufTokenType.Control).Select(id => Tokens[id]).ToHashSet(StringComparer.Ordinal);
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

    /// <summary>As the file says, but turn ends are control tokens whatever it says: templates write them, and no text stands for them.</summary>
    public GgufTokenType TypeOf(int id) => _turnEnds.Contains(id) ? GgufTokenType.Control : TypeInFile(id);

    /// <summary>Whether a merge, two texts with a space between, takes or makes a token that became a control token here.</summary>
    public bool TouchesRetyped(string merge) => _retypedTexts.Count > 0
        && merge.Split(' ').Append(merge.Replace(" ", "", StringComparison.Ordinal)).Any(_retypedTexts.Contains);

    public bool? Flag(string name) => _metadata.Boolean(Prefix + name);

    /// <summary>A special token's id, or null where the file names none of its vocabulary.</summary>
    public int? SpecialId(string name) => _metadata.TokenId($"{Prefix}{name}_token_id", Tokens.Count);

    /// <summary>The same, but for a file without the key the id that its kind has by itself.</summary>
    public int? SpecialId(string name, int whereMissing) =>
        _metadata.Contains($"{Prefix}{name}_token_id") ? SpecialId(name) : whereMissing;

    /// <summary>What the file names as a special token's id, for errors.</summary>
    public string IdInFile(string name) => _metadata.Integer($"{Prefix}{name}_token_id")?.ToString(CultureInfo.InvariantCulture) ?? "missing";

    private GgufTokenType TypeInFile(int id) => _types is null ? GgufTokenType.Normal : (GgufTokenType)_types[id];

    private void Require(string name, int? count)
    {
        if (count is not null && count != Tokens.Count)
        {
            throw new TokenizerException(Invariant($"{Prefix}{name} has {count} entries for {Tokens.Count} tokens"));
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
