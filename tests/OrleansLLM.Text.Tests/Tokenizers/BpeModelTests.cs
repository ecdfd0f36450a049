using OrleansLLM.Text.Tokenizers.Models;

namespace OrleansLLM.Text.Tests.Tokenizers;

public sealed class BpeModelTests
{
    private const string Letters = "abcd";

    [Fact]
    public async Task Words_merge_as_by_definition_in_both_cores()
    {
        var random = new Random(7);
        for (var round = 0; round < 20; round++)
        {
            var (tokens, merges) = RandomMerges(random);
            var (vocabulary, table) = Build(tokens, merges);
            var heap = new HeapBpe(vocabulary, table, new BpeOptions());
            var package = PackageBpe.Build(vocabulary, table, new BpeOptions())!;
            var model = new BpeModel(vocabulary, table, new BpeOptions());
            await model.Prepared.WaitAsync(TestContext.Current.CancellationToken);
            for (var i = 0; i < 100; i++)
            {
                var word = RandomWord(random, Letters, random.Next(1, 40));
                List<ModelToken> ofHeap = [];
                List<ModelToken> ofPackage = [];
                List<ModelToken> ofModel = [];
                heap.Tokenize(word, ofHeap);
                model.Tokenize(word, ofModel);
                Assert.True(package.TryTokenize(word, ofPackage));
                Assert.Equal(Slow(word, merges), ofHeap.Select(token => word[token.Start..token.End]));
                Assert.Equal(ofHeap, ofPackage);
                Assert.Equal(ofHeap, ofModel);
            }
        }
    }

    [Theory]
    [InlineData("", "")]
    [InlineData("", "</w>")]
    [InlineData("##", "")]
    public async Task Unknown_characters_and_affixes_and_long_words_merge_alike_in_both_cores(string prefix, string suffix)
    {
        var random = new Random(11);
        var (plain, plainMerges) = RandomMerges(random);
        List<string> tokens = [.. plain.SelectMany(token => new[] { token, prefix + token, token + suffix, prefix + token + suffix }).Distinct(), "<unk>"];
        List<(string Left, string Right)> merges = [.. plainMerges.SelectMany(merge => new[]
        {
            (merge.Left, prefix + merge.Right), (prefix + merge.Left, prefix + merge.Right),
            (merge.Left, prefix + merge.Right + suffix), (prefix + merge.Left, prefix + merge.Right + suffix),
        }).Distinct()];
        var (vocabulary, table) = Build(tokens, merges, prefix.Length);
        var options = new BpeOptions { ContinuingPrefix = prefix, EndOfWordSuffix = suffix, UnknownId = tokens.IndexOf("<unk>") };
        var heap = new HeapBpe(vocabulary, table, options);
        var model = new BpeModel(vocabulary, table, options);
        await model.Prepared.WaitAsync(TestContext.Current.CancellationToken);
        Assert.NotNull(PackageBpe.Build(vocabulary, table, options));
        for (var i = 0; i < 200; i++)
        {
            var length = i % 10 == 0 ? PackageBpe.MaxPieceLength + random.Next(-2, 3) : random.Next(1, 40);
            var word = RandomWord(random, i % 2 == 0 ? Letters : Letters + "e#\u4e2d", length);
            List<ModelToken> ofHeap = [];
            List<ModelToken> ofModel = [];
            heap.Tokenize(word, ofHeap);
            model.Tokenize(word, ofModel);
            Assert.Equal(ofHeap, ofModel);
        }
    }

    [Fact]
    public void The_package_gets_no_vocabulary_that_it_can_not_hold_exactly()
    {
        var (vocabulary, table) = Build(["a", "b", "c", "ab", "bc"], [("a", "b"), ("b", "c")]);
        Assert.NotNull(PackageBpe.Build(vocabulary, table, new BpeOptions()));
        Assert.Null(PackageBpe.Build(vocabulary, table, new BpeOptions { EndOfWordSuffix = "c" }));
        Assert.Null(PackageBpe.Build(new Vocabulary(1), new MergeTable(1), new BpeOptions()));

        table.Add(left: 1, right: 2, rank: 0, merged: 4);
        Assert.Null(PackageBpe.Build(vocabulary, table, new BpeOptions()));

        var (spaced, spacedTable) = Build(["a", " ", "a "], []);
        spacedTable.Add(left: 0, right: 1, rank: 0, merged: 2);
        Assert.Null(PackageBpe.Build(spaced, spacedTable, new BpeOptions()));

        var (twice, twiceTable) = Build(["a", "b"], []);
        twice.Add("c", 1);
        Assert.Null(PackageBpe.Build(twice, twiceTable, new BpeOptions()));
    }

    private static string RandomWord(Random random, string letters, int length) =>
        new([.. Enumerable.Range(0, length).Select(_ => letters[random.Next(letters.Length)])]);

    /// <summary>Merges the first pair of the lowest rank until none is left.</summary>
    private static List<string> Slow(string word, List<(string Left, string Right)> merges)
    {
        var parts = word.Select(letter => letter.ToString()).ToList();
        foreach (var _ in word)
        {
            foreach (var (left, right) in merges)
            {
                var at = Enumerable.Range(0, Math.Max(0, parts.Count - 1)).FirstOrDefault(i => parts[i] == left && parts[i + 1] == right, -1);
                if (at >= 0)
                {
                    parts[at] += parts[at + 1];
                    parts.RemoveAt(at + 1);
                    break;
                }
            }
        }

        return parts;
    }

    private static (List<string> Tokens, List<(string Left, string Right)> Merges) RandomMerges(Random random)
    {
        var tokens = Letters.Select(letter => letter.ToString()).ToList();
        var merges = new List<(string, string)>();
        while (merges.Count < 30)
        {
            var (left, right) = (tokens[random.Next(tokens.Count)], tokens[random.Next(tokens.Count)]);
            if (!merges.Contains((left, right)) && !tokens.Contains(left + right))
            {
                merges.Add((left, right));
                tokens.Add(left + right);
            }
        }

        return (tokens, merges);
    }

    private static (Vocabulary Vocabulary, MergeTable Merges) Build(List<string> tokens, List<(string Left, string Right)> merges, int prefixLength = 0)
    {
        var vocabulary = new Vocabulary(tokens.Count);
        for (var id = 0; id < tokens.Count; id++)
        {
            vocabulary.Add(tokens[id], id);
        }

        var table = new MergeTable(4);
        for (var rank = 0; rank < merges.Count; rank++)
        {
            MergeAdder.Add(table, vocabulary, merges[rank].Left, merges[rank].Right, prefixLength, rank);
        }

        return (vocabulary, table);
    }
}
