using System.Text.Json;

namespace OrleansLLM.Text.Tokenizers.Models;

/// <summary>A token of a piece: an id and [Start, End) of the piece's UTF-16 units.</summary>
internal readonly record struct ModelToken(int Id, int Start, int End);

/// <summary>Turns pieces into tokens. Thread-safe.</summary>
internal interface ITokenModel
{
    Vocabulary Vocabulary { get; }

    /// <summary>Builds what the model's full speed needs, if no text has begun it; before it ends, the ids are the same.</summary>
    Task Prepared { get; }

    /// <summary>Adds the tokens of a piece that is not empty.</summary>
    void Tokenize(ReadOnlySpan<char> piece, List<ModelToken> tokens);
}

/// <summary>The kinds of a tokenizer.json's <c>model</c>. To add one, write its class and a row.</summary>
internal static class TokenModelKinds
{
    /// <summary>Builds a model from its settings and the file's bytes, in which the long lists are read in place.</summary>
    private static readonly Dictionary<string, Func<ModelSection, ITokenModel>> Kinds = new(StringComparer.Ordinal)
    {
        ["BPE"] = BpeModelReader.Read,
    };

    public static IReadOnlyCollection<string> Names => Kinds.Keys;

    /// <exception cref="TokenizerException">The kind is not built, or the section is malformed.</exception>
    public static ITokenModel Read(ModelSection section) => Kinds.TryGetValue(section.Kind, out var read)
        ? read(section)
        : throw new TokenizerException($"the tokenizer model {section.Kind} is not built; built are {string.Join(", ", Kinds.Keys)}");
}

/// <summary>The <c>model</c> of a tokenizer.json.</summary>
/// <param name="Kind">Its type; old files leave BPE out.</param>
/// <param name="Settings">All but the long lists.</param>
/// <param name="Vocabulary">The bytes of the vocabulary, a JSON value.</param>
/// <param name="Merges">The bytes of the merges, a JSON value; empty where there are none.</param>
internal sealed record ModelSection(
    string Kind, IReadOnlyDictionary<string, JsonElement> Settings, ReadOnlyMemory<byte> Vocabulary, ReadOnlyMemory<byte> Merges)
{
    public string? Text(string name) => Settings.TryGetValue(name, out var value) && value.ValueKind != JsonValueKind.Null
        ? value.ValueKind == JsonValueKind.String ? value.GetString() : throw Wrong(name, "a string")
        : null;

    /// <summary>Absent means false.</summary>
    public bool Flag(string name) => Settings.TryGetValue(name, out var value) && value.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False or JsonValueKind.Null => false,
        _ => throw Wrong(name, "true or false"),
    };

    private static TokenizerException Wrong(string name, string expected) => new($"model.{name} is not {expected}");
}
