using System.Text.Json.Nodes;

namespace OrleansLLM.Text.Tests.Tokenizers;

/// <summary>A long text of whatever is hardest for one of the steps takes a time in proportion to its length.</summary>
public sealed class LongTextTests
{
    private const int Length = 300_000;

    /// <summary>Many times what an idle machine takes; a square of the length would take a minute and more.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private static readonly string[] Units =
        ["a", " ", "\n", " \n", "A", "0", "\u0301", "\u0301\u0316", "a\u0301\u0316", "\u1100\u1161", "\u4E2D", "\U0001F600", "\U0001F468\u200D\U0001F469\u200D\U0001F467\u200D",
            "!", "'s", "hello ", "\u2581", "<|s|>", "<|s", "\uD83D"];

    public static TheoryData<string> Kinds => [.. Files.Keys];

    private static Dictionary<string, Func<JsonObject>> Files { get; } = new()
    {
        ["byte-level"] = SmallTokenizers.ByteLevelFile,
        ["byte-level with NFC"] = () => With("normalizer", """{"type":"NFC"}"""),
        ["byte-level with NFKD, lower case, no accents"] = () => With("normalizer",
            """{"type":"Sequence","normalizers":[{"type":"NFKD"},{"type":"Lowercase"},{"type":"StripAccents"},{"type":"Strip","strip_left":true,"strip_right":true}]}"""),
        ["BERT's steps"] = () => With("normalizer", """{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true}""",
            """{"type":"BertPreTokenizer"}"""),
        ["Llama 3's pattern"] = () => Split(
            @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"),
        ["GPT-4o's pattern"] = () => Split(
            @"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+"
            + @"[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"),
        ["Metaspace"] = () => With("normalizer", "null", """{"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true}"""),
        ["the whole text one word"] = () => With("normalizer", """{"type":"Prepend","prepend":"▁"}""", "null"),
    };

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_long_text_takes_no_square_of_its_length(string kind)
    {
        var tokenizer = SmallTokenizers.Read(Files[kind]());
        foreach (var unit in Units)
        {
            var text = string.Concat(Enumerable.Repeat(unit, Length / unit.Length));
            var encoding = Task.Run(() => tokenizer.Encode(text, [], AddedTokens.None), TestContext.Current.CancellationToken);
            var ids = await encoding.WaitAsync(Patience, TestContext.Current.CancellationToken);
            var decoding = Task.Run(() => tokenizer.Decode([.. ids], SpecialTokens.Keep), TestContext.Current.CancellationToken);
            await decoding.WaitAsync(Patience, TestContext.Current.CancellationToken);
        }
    }

    private static JsonObject With(string key, string value, string? preTokenizer = null)
    {
        var file = SmallTokenizers.ByteLevelFile();
        file[key] = JsonNode.Parse(value);
        if (preTokenizer is not null)
        {
            file["pre_tokenizer"] = JsonNode.Parse(preTokenizer);
        }

        return file;
    }

    private static JsonObject Split(string pattern)
    {
        var split = new JsonObject
        {
            ["type"] = "Split", ["pattern"] = new JsonObject { ["Regex"] = pattern }, ["behavior"] = "Isolated", ["invert"] = false,
        };
        return With("normalizer", "null", new JsonObject
        {
            ["type"] = "Sequence",
            ["pretokenizers"] = new JsonArray(split, new JsonObject
            {
                ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["trim_offsets"] = true, ["use_regex"] = false,
            }),
        }.ToJsonString());
    }
}
