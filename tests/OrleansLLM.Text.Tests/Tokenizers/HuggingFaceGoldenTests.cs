using System.Text.Json;
using OrleansLLM.Testing;
using OrleansLLM.Text.Tokenizers;

namespace OrleansLLM.Text.Tests.Tokenizers;

[Trait("Category", "Reference")]
public sealed class HuggingFaceGoldenTests
{
    public static TheoryData<string> Folders => [.. ReferenceData.Cases("tokenizers/hf", "cases.json")];

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Folders))]
    public void A_tokenizer_json_encodes_and_decodes_as_the_reference(string folder)
    {
        var golden = GoldenTokenizers.Load(folder);
        foreach (var item in golden.List("cases"))
        {
            Encode(golden, item);
            Decode(golden, item);
        }

        golden.AssertNone();
    }

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Folders))]
    public void Pairs_single_ids_and_arbitrary_ids_are_as_in_the_reference(string folder)
    {
        var golden = GoldenTokenizers.Load(folder);
        foreach (var pair in golden.List("pairs"))
        {
            Pair(golden, pair);
        }

        foreach (var single in golden.List("singles"))
        {
            var id = single[0].GetInt32();
            golden.Compare("token", $"{id}", single[1].GetString()!, golden.Tokenizer.GetNormalizedToken(id) ?? string.Empty);
            golden.Compare("single", $"{id}", single[2].GetString()!, golden.Tokenizer.Decode([id], SpecialTokens.Keep));
        }

        foreach (var sequence in golden.List("id_sequences"))
        {
            var ids = GoldenTokenizers.Integers(sequence.GetProperty("ids"));
            DecodedIds(golden, sequence, ids, SpecialTokens.Keep);
        }

        golden.AssertNone();
    }

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Folders))]
    public void Long_texts_are_encoded_as_in_the_reference(string folder)
    {
        var golden = GoldenTokenizers.Load(folder);
        foreach (var item in golden.List("long"))
        {
            var text = string.Concat(Enumerable.Repeat(item.GetProperty("unit").GetString(), item.GetProperty("times").GetInt32()))
                + item.GetProperty("tail").GetString();
            var ids = golden.Tokenizer.Encode(text, [], AddedTokens.None);
            golden.Compare("count", text, [item.GetProperty("count").GetInt32()], [ids.Count]);
            golden.Compare("hash", text, item.GetProperty("ids_sha256").GetString()!, GoldenTokenizers.Hash(ids));
        }

        golden.AssertNone();
    }

    private static void Encode(GoldenTokenizers golden, JsonElement item)
    {
        var text = item.GetProperty("text").GetString()!;
        var ids = GoldenTokenizers.Integers(item.GetProperty("ids"));
        var whole = golden.Tokenizer.EncodeFully(text, second: null, LiteralRanges.None, AddedTokens.None);
        golden.Compare("ids without extents", text, whole.Ids, golden.Tokenizer.Encode(text, [], AddedTokens.None));
        var plain = golden.Limits.Apply(whole);
        golden.Compare("ids", text, ids, plain.Ids);
        golden.Compare("offsets", text, GoldenTokenizers.Integers(item.GetProperty("offsets")), CodePoints.Of(text, plain.Extents));
        golden.Compare("words", text, GoldenTokenizers.Words(item.GetProperty("words")), plain.Words);
        var tokens = item.TryGetProperty("tokens", out var given)
            ? given.EnumerateArray().Select(token => token.GetString()!)
            : ids.Select(id => golden.Tokenizer.GetNormalizedToken(id)!);
        golden.Compare("tokens", text, tokens, plain.Texts);
        var types = item.TryGetProperty("types", out var type) ? GoldenTokenizers.Integers(type) : new int[ids.Length];
        golden.Compare("types", text, types, plain.Types);
        Literal(golden, item, text, ids);
        Full(golden, item, text, plain);
    }

    private static void Literal(GoldenTokenizers golden, JsonElement item, string text, int[] ids)
    {
        var literal = golden.Tokenizer.EncodeFully(text, second: null, LiteralRanges.Everything, AddedTokens.None);
        var expected = item.TryGetProperty("literal_ids", out var given) ? GoldenTokenizers.Integers(given) : ids;
        golden.Compare("literal ids", text, expected, golden.Limits.Apply(literal).Ids);
        golden.Compare("literal ids without extents", text, literal.Ids, golden.Tokenizer.Encode(text, [new TextSpan(0, text.Length)], AddedTokens.None));
    }

    private static void Full(GoldenTokenizers golden, JsonElement item, string text, TokenizedText plain)
    {
        var full = golden.Limits.Apply(golden.Tokenizer.EncodeFully(text, second: null, LiteralRanges.None, AddedTokens.PostProcessor));
        if (!item.TryGetProperty("full", out var expected))
        {
            golden.Compare("full ids", text, plain.Ids, full.Ids);
            return;
        }

        golden.Compare("full ids", text, GoldenTokenizers.Integers(expected.GetProperty("ids")), full.Ids);
        golden.Compare("added", text, GoldenTokenizers.Integers(expected.GetProperty("added")), full.Added);
        if (expected.TryGetProperty("types", out var types))
        {
            golden.Compare("full types", text, GoldenTokenizers.Integers(types), full.Types);
        }

        if (expected.TryGetProperty("offsets", out var offsets))
        {
            golden.Compare("full offsets", text, GoldenTokenizers.Integers(offsets), CodePoints.Of(text, full.Extents));
        }
    }

    private static void Decode(GoldenTokenizers golden, JsonElement item)
    {
        var ids = GoldenTokenizers.Integers(
            item.TryGetProperty("full", out var full) ? full.GetProperty("ids") : item.GetProperty("ids"));
        DecodedIds(golden, item, ids, SpecialTokens.Skip);
    }

    /// <summary>Compares what ids decode to, whole and as a stream, with the README's leniencies.</summary>
    private static void DecodedIds(GoldenTokenizers golden, JsonElement item, int[] ids, SpecialTokens streamed)
    {
        var name = $"[{string.Join(", ", ids)}]";
        var decoded = golden.Tokenizer.Decode(ids, SpecialTokens.Skip);
        var isOlder = item.TryGetProperty("decoded_older", out var older);
        if (!isOlder || older.GetString() != decoded)
        {
            golden.Compare("decoded", name, item.GetProperty("decoded").GetString()!, decoded);
        }

        var all = golden.Tokenizer.Decode(ids, SpecialTokens.Keep);
        if (!isOlder)
        {
            var expected = item.TryGetProperty("decoded_all", out var kept) ? kept : item.GetProperty("decoded");
            golden.Compare("decoded with special tokens", name, expected.GetString()!, all);
        }

        var (texts, rest) = GoldenTokenizers.Stream(golden.Tokenizer, ids, streamed);
        var isRefused = item.TryGetProperty("stream_refused_at", out var refused);
        var steps = isRefused ? refused.GetInt32() : ids.Length;
        if (!isOlder)
        {
            var expected = item.GetProperty("stream").EnumerateArray().Select(text => text.GetString());
            golden.Compare("stream", name, expected.Take(steps), texts.Take(steps));
        }

        // A byte that spoils a run changes what its earlier bytes spelt: then no stream can agree with the whole.
        var whole = streamed == SpecialTokens.Keep ? all : decoded;
        if (!isRefused && whole.StartsWith(string.Concat(texts), StringComparison.Ordinal))
        {
            golden.Compare("whole stream", name, whole, string.Concat(texts) + rest);
        }
    }

    private static void Pair(GoldenTokenizers golden, JsonElement pair)
    {
        var (first, second) = (pair.GetProperty("a").GetString()!, pair.GetProperty("b").GetString()!);
        var name = $"{first} + {second}";
        var full = golden.Tokenizer.EncodeFully(first, second, LiteralRanges.None, AddedTokens.PostProcessor);
        golden.Compare("pair", name, GoldenTokenizers.Integers(pair.GetProperty("ids")), full.Ids);
        golden.Compare("pair types", name, GoldenTokenizers.Integers(pair.GetProperty("types")), full.Types);
        golden.Compare("pair special", name, GoldenTokenizers.Integers(pair.GetProperty("special")),
            Enumerable.Range(0, full.Ids.Count).Select(position => full.Added.Contains(position) ? 1 : 0));
        golden.Compare("pair words", name, GoldenTokenizers.Words(pair.GetProperty("words")), full.Words);
        var plain = golden.Tokenizer.EncodeFully(first, second, LiteralRanges.None, AddedTokens.None);
        golden.Compare("plain pair", name, GoldenTokenizers.Integers(pair.GetProperty("ids_plain")), plain.Ids);
        var decoded = golden.Tokenizer.Decode([.. full.Ids], SpecialTokens.Skip);
        if (!pair.TryGetProperty("decoded_older", out var older) || older.GetString() != decoded)
        {
            golden.Compare("decoded pair", name, pair.GetProperty("decoded").GetString()!, decoded);
        }

        PairOffsets(golden, pair, full, (first, second));
    }

    private static void PairOffsets(GoldenTokenizers golden, JsonElement pair, TokenizedText full, (string First, string Second) texts)
    {
        var sequences = pair.GetProperty("sequences").EnumerateArray().ToArray();
        var actual = full.Extents.SelectMany((extent, index) =>
            CodePoints.Of(index < sequences.Length && sequences[index].ValueKind == JsonValueKind.Number && sequences[index].GetInt32() == 1
                ? texts.Second
                : texts.First, [extent]));
        golden.Compare("pair offsets", $"{texts.First} + {texts.Second}", GoldenTokenizers.Integers(pair.GetProperty("offsets")), actual);
    }
}
