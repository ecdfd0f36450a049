using System.Text;
using System.Text.Json.Nodes;
using OrleansLLM.Text.Tokenizers;

namespace OrleansLLM.Text.Tests.Tokenizers;

/// <summary>Tokenizer files written by the tests: all bytes, a few merges, a few added tokens.</summary>
internal static class SmallTokenizers
{
    public const int Begin = 300;
    public const int BeginLonger = 301;
    public const int Tool = 302;

    /// <summary>A byte-level BPE file; ids of bytes are the bytes.</summary>
    public static JsonObject ByteLevelFile()
    {
        var vocabulary = new JsonObject();
        for (var value = 0; value < 256; value++)
        {
            vocabulary[ByteCharacters.ToCharacter((byte)value).ToString()] = value;
        }

        var merges = new JsonArray();
        foreach (var (left, right) in new[] { ("h", "e"), ("l", "l"), ("he", "ll"), ("hell", "o"), ("Ġ", "w") })
        {
            vocabulary[left + right] = vocabulary.Count;
            merges.Add(new JsonArray(left, right));
        }

        return new JsonObject
        {
            ["version"] = "1.0",
            ["added_tokens"] = new JsonArray(
                Added(Begin, "<|s|>", special: true), Added(BeginLonger, "<|s|><|t|>", special: true), Added(Tool, "<tool>", special: false)),
            ["normalizer"] = null,
            ["pre_tokenizer"] = new JsonObject { ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["trim_offsets"] = true },
            ["post_processor"] = null,
            ["decoder"] = new JsonObject { ["type"] = "ByteLevel" },
            ["model"] = new JsonObject { ["type"] = "BPE", ["vocab"] = vocabulary, ["merges"] = merges },
        };
    }

    public static PipelineTokenizer ByteLevel() => Read(ByteLevelFile());

    public static PipelineTokenizer Read(JsonObject file) =>
        TokenizerJson.Read(Encoding.UTF8.GetBytes(file.ToJsonString()), TokenizerConfiguration.Empty);

    private static JsonObject Added(int id, string content, bool special) => new()
    {
        ["id"] = id, ["content"] = content, ["special"] = special,
        ["single_word"] = false, ["lstrip"] = false, ["rstrip"] = false, ["normalized"] = false,
    };
}
