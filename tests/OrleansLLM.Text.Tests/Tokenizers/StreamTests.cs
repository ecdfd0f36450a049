using System.Text;
using System.Text.Json.Nodes;
using OrleansLLM.Text.Tokenizers;

namespace OrleansLLM.Text.Tests.Tokenizers;

/// <summary>What any stream of any ids promises: no half character, and in the end the text that the ids decode to.</summary>
public sealed class StreamTests
{
    private const string Fallback = """{"type":"ByteFallback"}""";
    private const string Fuse = """{"type":"Fuse"}""";
    private const string Spaces = """{"type":"Replace","pattern":{"String":"▁"},"content":" "}""";
    private const string EmptySuffix = """{"type":"BPEDecoder","suffix":""}""";
    private const string Strip = """{"type":"Strip","content":" ","start":1,"stop":0}""";

    private static readonly string[] Pieces =
        ["▁", "▁the", "▁▁", "a", "b", "é", "##ing", "##", "x</w>", "y</w>", "</w>", "!", ",", "n't", " .", "<pad>", "|", "🙂", "👩‍👩‍👧", "\uFFFD", "<unk>"];

    [Trait("Category", "Reference")]
    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(HuggingFaceGoldenTests.Folders), MemberType = typeof(HuggingFaceGoldenTests))]
    public void A_stream_of_any_ids_of_a_reference_tokenizer_ends_in_their_text(string folder)
    {
        var tokenizer = (PipelineTokenizer)GoldenTokenizers.Load(folder).Tokenizer;
        Streams(tokenizer, new Random(5), rounds: 150);
    }

    [Theory]
    [InlineData($"{{\"type\":\"Sequence\",\"decoders\":[{Spaces},{Fallback},{Fuse},{Strip}]}}")]
    [InlineData($"{{\"type\":\"Sequence\",\"decoders\":[{Spaces},{Fallback},{Fuse}]}}")]
    [InlineData("""{"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true}""")]
    [InlineData("""{"type":"Metaspace","replacement":"▁","prepend_scheme":"never","split":false}""")]
    [InlineData("""{"type":"BPEDecoder","suffix":"</w>"}""")]
    [InlineData("""{"type":"BPEDecoder","suffix":""}""")]
    [InlineData($"{{\"type\":\"Sequence\",\"decoders\":[{EmptySuffix},{Fuse},{Strip}]}}")]
    [InlineData($"{{\"type\":\"Sequence\",\"decoders\":[{Spaces},{EmptySuffix}]}}")]
    [InlineData($"{{\"type\":\"Sequence\",\"decoders\":[{Fallback},{EmptySuffix}]}}")]
    [InlineData("""{"type":"WordPiece","prefix":"##","cleanup":false}""")]
    [InlineData("""{"type":"CTC","pad_token":"<pad>","word_delimiter_token":"|","cleanup":false}""")]
    [InlineData("""{"type":"ByteLevel"}""")]
    [InlineData(Fuse)]
    [InlineData(Fallback)]
    [InlineData("null")]
    public void A_stream_through_any_decoder_ends_in_the_whole_text(string decoder)
    {
        var file = SmallTokenizers.ByteLevelFile();
        file["decoder"] = JsonNode.Parse(decoder);
        file["model"] = new JsonObject { ["type"] = "BPE", ["vocab"] = Vocabulary(), ["merges"] = new JsonArray(), ["byte_fallback"] = true };
        Streams(SmallTokenizers.Read(file), new Random(7), rounds: 2000);
    }

    /// <summary>An empty end of a word is found around each character of all tokens but the last.</summary>
    [Theory]
    [InlineData("a", "a")]
    [InlineData("a b", " a b")]
    [InlineData("a b !", " a  b !")]
    [InlineData("🙂 ##ing n't", " 🙂  # # i n g n't")]
    public void Through_an_empty_suffix_each_token_waits_for_the_next(string pieces, string whole)
    {
        var file = SmallTokenizers.ByteLevelFile();
        file["decoder"] = JsonNode.Parse(EmptySuffix);
        file["model"] = new JsonObject { ["type"] = "BPE", ["vocab"] = Vocabulary(), ["merges"] = new JsonArray() };
        var tokenizer = SmallTokenizers.Read(file);
        int[] ids = [.. pieces.Split(' ').Select(piece => Array.IndexOf(Pieces, piece))];
        var stream = tokenizer.CreateStreamDecoder(SpecialTokens.Keep);

        Assert.Equal(whole, tokenizer.Decode(ids, SpecialTokens.Keep));
        Assert.Equal("", stream.Add(ids[0]));
        Assert.Equal(whole, string.Concat(ids.Skip(1).Select(stream.Add)) + stream.Finish());
        Assert.Equal("", stream.Add(ids[0]));
        Assert.Equal(Pieces[ids[0]], stream.Finish());
    }

    [Theory]
    [InlineData("👩‍👩‍👧‍👦🙂é中\u0301क्षि🇺🇳")]
    public void Each_byte_of_a_character_waits_for_its_last(string text)
    {
        var vocabulary = new JsonObject();
        for (var value = 0; value < 256; value++)
        {
            vocabulary[$"<0x{value:X2}>"] = value;
        }

        var file = SmallTokenizers.ByteLevelFile();
        file["decoder"] = JsonNode.Parse($"{{\"type\":\"Sequence\",\"decoders\":[{Fallback},{Fuse}]}}");
        file["model"] = new JsonObject { ["type"] = "BPE", ["vocab"] = vocabulary, ["merges"] = new JsonArray(), ["byte_fallback"] = true };
        foreach (var tokenizer in new[] { SmallTokenizers.Read(file), SmallTokenizers.ByteLevel() })
        {
            var stream = tokenizer.CreateStreamDecoder(SpecialTokens.Keep);
            var shown = Encoding.UTF8.GetBytes(text).Select(value => stream.Add(value)).Where(shown => shown.Length > 0).ToList();
            Assert.Equal(text.EnumerateRunes().Select(rune => rune.ToString()), shown);
            Assert.Empty(stream.Finish());
        }
    }

    /// <summary>The pieces, and behind them a token for each byte.</summary>
    private static JsonObject Vocabulary()
    {
        var vocabulary = new JsonObject();
        foreach (var piece in Pieces.Concat(Enumerable.Range(0, 256).Select(value => $"<0x{value:X2}>")))
        {
            vocabulary[piece] = vocabulary.Count;
        }

        return vocabulary;
    }

    private static void Streams(PipelineTokenizer tokenizer, Random random, int rounds)
    {
        for (var round = 0; round < rounds; round++)
        {
            var special = (SpecialTokens)(round % 2);
            var ids = Ids(tokenizer, random);
            var whole = tokenizer.Decode(ids, special);
            var stream = tokenizer.CreateStreamDecoder(special);
            var shown = new StringBuilder();
            foreach (var id in ids)
            {
                var text = stream.Add(id);
                Assert.False(text.EndsWith('\uFFFD'), $"a piece of the stream of [{string.Join(", ", ids)}] ends in half a character");
                Assert.True(text.Length == 0 || !char.IsHighSurrogate(text[^1]) && !char.IsLowSurrogate(text[0]));
                shown.Append(text);
            }

            // A byte that spoils a run of bytes changes what the run's earlier bytes spelt; what went out stays.
            if (whole.StartsWith(shown.ToString(), StringComparison.Ordinal))
            {
                Assert.Equal(whole, shown.Append(stream.Finish()).ToString());
            }
            else
            {
                Assert.Contains('\uFFFD', whole);
            }
        }
    }

    /// <summary>Ids of all kinds, and often the bytes of whole characters, so that they meet.</summary>
    private static int[] Ids(PipelineTokenizer tokenizer, Random random)
    {
        var ids = new List<int>();
        while (ids.Count < 12)
        {
            var rune = new Rune(new[] { 'a', 0xE9, 0x4E2D, 0x1F600 }[random.Next(4)]);
            var bytes = Encoding.UTF8.GetBytes(rune.ToString()).Select(value => tokenizer.TryGetId($"<0x{value:X2}>", out var id) ? id : -1);
            ids.AddRange(random.Next(2) == 0 ? bytes : [random.Next(-1, tokenizer.VocabularySize + 2)]);
        }

        return [.. ids];
    }
}
