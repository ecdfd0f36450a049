using System.Text.Json.Nodes;
using OrleansLLM.Text.Tokenizers;

namespace OrleansLLM.Text.Tests.Tokenizers;

/// <summary>
/// Places of bytes beside characters that are unknown or vanish, in texts that a normalizer composed or split, recorded from tokenizers
/// 0.23.2: there tokens stand one behind the other by their lengths.
/// </summary>
public sealed class ByteFallbackOffsetTests
{
    [Theory]
    [InlineData("NFC", "漢e\u0301a", "2 3 0 1", "0 1 0 1 0 2 3 4")]
    [InlineData("NFC", "ﬁ漢é", "6 7 5 2 3 0", "0 1 0 1 0 1 1 2 1 2 1 3")]
    [InlineData("NFC", "a漢字e\u0301", "1 2 3 0", "0 1 1 2 1 2 1 4")]
    [InlineData("NFC", "éé漢", "2 3 2 3 0", "0 1 0 1 1 2 1 2 2 3")]
    [InlineData("NFD", "漢e\u0301a", "4 5 0 1", "0 1 0 1 0 3 3 4")]
    [InlineData("NFD", "é漢a", "4 5 0 1", "0 1 0 1 0 2 2 3")]
    [InlineData("NFD", "ﬁ漢é", "6 7 5 4 5 0", "0 1 0 1 0 1 1 2 1 2 1 3")]
    public void Unknown_characters_come_behind_the_bytes_behind_them(string form, string text, string ids, string offsets) =>
        AssertPlaced(form, "<unk>", text, ids, offsets);

    [Theory]
    [InlineData("NFC", "漢e\u0301a", "2 3 1", "0 1 0 1 0 1")]
    [InlineData("NFC", "é漢a", "2 3 1", "0 1 0 1 1 2")]
    [InlineData("NFC", "ﬁ漢é", "6 7 5 2 3", "0 1 0 1 0 1 1 2 1 2")]
    [InlineData("NFD", "a漢字e\u0301", "1 4 5", "0 1 1 2 1 2")]
    [InlineData("NFD", "éé漢", "4 5 4 5", "0 1 0 1 0 1 1 2")]
    public void Characters_that_vanish_leave_no_gap(string form, string text, string ids, string offsets) =>
        AssertPlaced(form, unknown: null, text, ids, offsets);

    private static void AssertPlaced(string form, string? unknown, string text, string ids, string offsets)
    {
        var vocabulary = new JsonObject { ["<unk>"] = 0, ["a"] = 1 };
        foreach (var value in (string[])["C3", "A9", "CC", "81", "EF", "AC"])
        {
            vocabulary[$"<0x{value}>"] = vocabulary.Count;
        }

        var tokenizer = SmallTokenizers.Read(new JsonObject
        {
            ["normalizer"] = new JsonObject { ["type"] = form },
            ["model"] = new JsonObject
            {
                ["type"] = "BPE", ["unk_token"] = unknown, ["fuse_unk"] = true, ["byte_fallback"] = true, ["vocab"] = vocabulary, ["merges"] = new JsonArray(),
            },
        });
        var tokens = tokenizer.EncodeFully(text, second: null, LiteralRanges.None, AddedTokens.None);
        Assert.Equal((ids, offsets), (string.Join(' ', tokens.Ids), string.Join(' ', CodePoints.Of(text, tokens.Extents))));
    }
}
