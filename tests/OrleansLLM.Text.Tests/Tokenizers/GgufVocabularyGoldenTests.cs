using System.Text.Json;
using OrleansLLM.Files;
using OrleansLLM.Testing;
using OrleansLLM.Text.Tokenizers;

namespace OrleansLLM.Text.Tests.Tokenizers;

[Trait("Category", "Reference")]
public sealed class GgufVocabularyGoldenTests
{
    private const string Separator = "\n__ggml_vocab_test__\n";

    public static TheoryData<string> Vocabularies => [.. ReferenceData.GoldenRoots
        .Select(root => Path.Combine(root, "vocabs"))
        .Where(Directory.Exists)
        .SelectMany(folder => Directory.EnumerateFiles(folder, "*.gguf"))
        .Where(path => File.Exists(path + ".inp"))
        .DistinctBy(Path.GetFileName)
        .Order(StringComparer.Ordinal)];

    public static TheoryData<string> Models => [.. ReferenceData.ModelRoots
        .SelectMany(Directory.EnumerateDirectories)
        .Where(folder => File.Exists(Path.Combine(folder, "reference.json")))
        .DistinctBy(Path.GetFileName)
        .Order(StringComparer.Ordinal)];

    public static TheoryData<string> GgufCases => [.. ReferenceData.Cases("gguf", "golden.json")
        .Where(folder => File.ReadAllText(Path.Combine(folder, "golden.json")).Contains("\"tokenizer\":", StringComparison.Ordinal))];

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Vocabularies))]
    public void A_vocabulary_in_a_gguf_file_gives_llama_cpps_ids(string path)
    {
        using var file = GgufFile.Open(path);
        Feature.SkipUnlessBuilt(TokenizerFeatures.OfGguf(file.Metadata));
        var tokenizer = GoldenTokenizers.Prepare(TokenizerLoader.FromGguf(file));
        var texts = File.ReadAllText(path + ".inp").Split(Separator);
        var answers = File.ReadAllText(path + ".out").TrimEnd('\n').Split('\n');
        var mismatches = texts.Zip(answers).Where(pair =>
            string.Join(' ', tokenizer.Encode(pair.First, [], AddedTokens.None)) != string.Join(' ', pair.Second.Split(' ', StringSplitOptions.RemoveEmptyEntries)));
        Assert.Equal(texts.Length - 1, answers.Length);
        Assert.Empty(texts[^1]);
        Assert.Empty(mismatches.Select(pair =>
            $"{GoldenTokenizers.Show(pair.First)}: {pair.Second} got {string.Join(' ', tokenizer.Encode(pair.First, [], AddedTokens.None))}"));
    }

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(GgufCases))]
    public void A_tiny_models_vocabulary_gives_the_recorded_ids(string folder)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "golden.json")));
        using var file = GgufFile.Open(Path.Combine(folder, document.RootElement.GetProperty("file").GetString() ?? "model.gguf"));
        Feature.SkipUnlessBuilt(TokenizerFeatures.OfGguf(file.Metadata));
        var tokenizer = GoldenTokenizers.Prepare(TokenizerLoader.FromGguf(file));
        Assert.All(document.RootElement.GetProperty("tokenizer").EnumerateArray(), item => Assert.Equal(
            GoldenTokenizers.Integers(item.GetProperty("ids")),
            tokenizer.Encode(item.GetProperty("text").GetString()!, [], AddedTokens.PostProcessor)));
    }

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Models))]
    public void A_real_models_tokenizer_gives_the_recorded_ids(string folder)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "reference.json")));
        var path = Directory.EnumerateFiles(folder, "*.gguf").FirstOrDefault();
        Feature.SkipUnlessBuilt(TokenizerFeatures.Of(path ?? folder));
        using var file = path is null ? null : GgufFile.Open(path);
        var tokenizer = GoldenTokenizers.Prepare(file is null ? TokenizerLoader.FromFolder(folder) : TokenizerLoader.FromGguf(file));
        var texts = document.RootElement.TryGetProperty("tokenizer", out var list) ? list.EnumerateArray().ToArray() : [];
        Assert.All(texts, item =>
        {
            var text = item.GetProperty("text").GetString()!;
            Assert.Equal(GoldenTokenizers.Integers(item.GetProperty("ids")), tokenizer.Encode(text, [], AddedTokens.PostProcessor));
            var literal = GoldenTokenizers.Integers(item.GetProperty("ids_no_parse"));
            Assert.Equal(literal, tokenizer.Encode(text, [new TextSpan(0, text.Length)], AddedTokens.PostProcessor));
            Assert.Equal(text, tokenizer.Decode(literal, SpecialTokens.Keep));
        });
        Answers(document.RootElement, tokenizer);
    }

    /// <summary>Texts with their ids that stand among other answers; the special tokens of a rendered template are in the text.</summary>
    private static void Answers(JsonElement root, TextTokenizer tokenizer)
    {
        foreach (var name in new[] { "chat", "runs", "facts" })
        {
            foreach (var item in root.TryGetProperty(name, out var list) ? list.EnumerateArray() : [])
            {
                var ids = GoldenTokenizers.Integers(item.GetProperty("ids"));
                Assert.Equal(ids, tokenizer.Encode(item.GetProperty("text").GetString()!, [], AddedTokens.PostProcessor));
            }
        }
    }
}
