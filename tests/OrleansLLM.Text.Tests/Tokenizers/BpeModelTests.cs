using Microsoft.ML.Tokenizers;
using OrleansLLM.Text.Tokenizers.Models;

namespace OrleansLLM.Text.Tests.Tokenizers;

public sealed class BpeModelTests
{
    private const string Letters = "abcd";

    [Fact]
    public void Words_merge_as_in_the_package_and_as_by_definition()
    {
        var random = new Random(7);
        for (var round = 0; round < 20; round++)
        {
            var (tokens, merges) = RandomMerges(random);
            var model = Build(tokens, merges);
            var package = BpeTokenizer.Create(new Microsoft.ML.Tokenizers.BpeOptions(
                tokens.Select((token, id) => KeyValuePair.Create(token, id))) { Merges = merges.Select(merge => $"{merge.Left} {merge.Right}") });
            for (var i = 0; i < 100; i++)
            {
                var word = new string([.. Enumerable.Range(0, random.Next(1, 40)).Select(_ => Letters[random.Next(Letters.Length)])]);
                var found = new List<ModelToken>();
                model.Tokenize(word, found);
                Assert.Equal(package.EncodeToIds(word, considerPreTokenization: false, considerNormalization: false), found.Select(token => token.Id));
                Assert.Equal(Slow(word, merges), found.Select(token => word[token.Start..token.End]));
            }
        }
    }

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

    private static BpeModel Build(List<string> tokens, List<(string Left, string Right)> merges)
    {
        var vocabulary = new Vocabulary(tokens.Count);
        for (var id = 0; id < tokens.Count; id++)
        {
            vocabulary.Add(tokens[id], id);
        }

        var table = new MergeTable(4);
        for (var rank = 0; rank < merges.Count; rank++)
        {
            MergeAdder.Add(table, vocabulary, merges[rank].Left, merges[rank].Right, prefixLength: 0, rank);
        }

        return new BpeModel(vocabulary, table, new OrleansLLM.Text.Tokenizers.Models.BpeOptions());
    }
}
