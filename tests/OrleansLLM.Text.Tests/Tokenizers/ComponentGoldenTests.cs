using System.Text.Json;
using OrleansLLM.Testing;
using OrleansLLM.Text.Tokenizers;
using OrleansLLM.Text.Tokenizers.Decoders;
using OrleansLLM.Text.Tokenizers.Normalizers;
using OrleansLLM.Text.Tokenizers.PreTokenizers;

namespace OrleansLLM.Text.Tests.Tokenizers;

[Trait("Category", "Reference")]
public sealed class ComponentGoldenTests
{
    public static TheoryData<string, int> Normalizers => Entries("normalizers");

    public static TheoryData<string, int> PreTokenizers => Entries("pre_tokenizers");

    public static TheoryData<string, int> Decoders => Entries("decoders");

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Normalizers))]
    public void A_normalizer_rewrites_texts_as_the_reference(string path, int index)
    {
        var (root, entry) = Read(path, index);
        SkipUnlessBuilt(Built.Normalizers, entry);
        var normalizer = NormalizerKinds.Read(TokenizerComponent.Of(entry.GetProperty("config"), "normalizer"));
        var changed = entry.GetProperty("changed").EnumerateArray().ToDictionary(pair => pair[0].GetString()!, pair => pair[1].GetString()!);
        Assert.All(Strings(root, "texts"), text => Assert.Equal(
            changed.GetValueOrDefault(text, text), normalizer.Normalize(new AlignedText(text, extents: null, origin: 0)).Text));
    }

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(PreTokenizers))]
    public void A_pre_tokenizer_splits_texts_as_the_reference(string path, int index)
    {
        var (root, entry) = Read(path, index);
        SkipUnlessBuilt(Built.PreTokenizers, entry);
        var preTokenizer = PreTokenizerKinds.Read(TokenizerComponent.Of(entry.GetProperty("config"), "pre_tokenizer"));
        var texts = Strings(root, "texts");
        for (var i = 0; i < texts.Length; i++)
        {
            // The reference shows an empty text, which no pipeline hands on, as one empty piece.
            if (texts[i].Length == 0)
            {
                continue;
            }

            var pieces = new PieceList(Tracking.Extents);
            pieces.Begin(new AlignedText(texts[i], extents: null, origin: 0));
            preTokenizer.PreTokenize(pieces);
            Assert.Equal(
                GoldenTokenizers.Integers(entry.GetProperty("offsets")[i]),
                CodePoints.Of(texts[i], pieces.Pieces.Select(piece => piece.Extent)));
            if (entry.TryGetProperty("pieces", out var expected) && expected[i].ValueKind == JsonValueKind.Array)
            {
                Assert.Equal(expected[i].EnumerateArray().Select(piece => piece.GetString()), pieces.Pieces.Select(piece => piece.Span.ToString()));
            }
        }
    }

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Decoders))]
    public void A_decoder_joins_tokens_as_the_reference(string path, int index)
    {
        var (root, entry) = Read(path, index);
        SkipUnlessBuilt(Built.TokenDecoders, entry);
        var decoder = TokenDecoderKinds.Read(TokenizerComponent.Of(entry.GetProperty("config"), "decoder"));
        var lists = root.GetProperty("tokens").EnumerateArray().ToArray();
        for (var i = 0; i < lists.Length; i++)
        {
            var tokens = lists[i].EnumerateArray().Select(token => token.GetString()!).ToList();
            decoder.Decode(tokens);
            Assert.Equal(entry.GetProperty("decoded")[i].GetString(), string.Concat(tokens));
        }
    }

    private static TheoryData<string, int> Entries(string kind)
    {
        var data = new TheoryData<string, int>();
        foreach (var path in ReferenceData.GoldenRoots.Select(root => Path.Combine(root, "tokenizers", "components", kind + ".json"))
            .Where(File.Exists).Take(1))
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            var index = 0;
            foreach (var entry in document.RootElement.GetProperty("entries").EnumerateArray())
            {
                var name = entry.GetProperty("config").GetRawText();
                data.Add(new TheoryDataRow<string, int>(path, index++) { Label = name.Length <= 100 ? name : name[..100] });
            }
        }

        return data;
    }

    private static (JsonElement Root, JsonElement Entry) Read(string path, int index)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(path));
        var root = document.RootElement.Clone();
        return (root, root.GetProperty("entries")[index]);
    }

    private static void SkipUnlessBuilt(BuiltList list, JsonElement entry) =>
        Feature.SkipUnlessBuilt(TokenizerFeatures.OfComponent(list, entry.GetProperty("config")));

    private static string[] Strings(JsonElement root, string name) =>
        [.. root.GetProperty(name).EnumerateArray().Select(text => text.GetString()!)];
}
