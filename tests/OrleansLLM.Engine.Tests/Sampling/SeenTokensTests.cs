namespace OrleansLLM.Engine.Tests;

/// <summary>The counts that penalties look at, against a list that counts slowly.</summary>
public sealed class SeenTokensTests
{
    [Fact]
    public void Distinct_tokens_stand_in_the_order_of_their_first_place_with_their_counts_in_the_output()
    {
        var random = new Random(21);
        for (var round = 0; round < 500; round++)
        {
            var vocabulary = random.Next(1, 400);
            var (prompt, output, later) = (Tokens(random, vocabulary), Tokens(random, vocabulary), Tokens(random, vocabulary));
            int[] all = [.. prompt, .. output, .. later];
            var distinct = all.Distinct().ToArray();
            // No room to spare: half of the hash is full.
            var seen = new SeenTokens(distinct.Length);
            seen.Add(prompt, output);
            foreach (var token in later)
            {
                seen.Add(token, 1);
            }

            Check(distinct, [.. distinct.Select(token => all[prompt.Length..].Count(other => other == token))], seen);
            var copy = new SeenTokens(2 * distinct.Length);
            copy.Add(seen);
            Check(distinct, seen.Counts.ToArray(), copy);
        }
    }

    /// <summary>Ids that a multiple of the hash's size would put into one place.</summary>
    [Fact]
    public void Ids_far_apart_are_told_apart()
    {
        int[] tokens = [.. Enumerable.Range(0, 64).Select(i => i << 16), .. Enumerable.Range(1, 64).Select(i => i * 0x10001), int.MaxValue];
        var seen = new SeenTokens(tokens.Distinct().Count());
        seen.Add([], tokens);
        Check(tokens.Distinct().ToArray(), [.. tokens.Distinct().Select(token => tokens.Count(other => other == token))], seen);
    }

    [Fact]
    public void They_are_wanted_by_each_of_three_penalties_and_by_nothing_else()
    {
        Assert.False(SeenTokens.AreWantedBy(new SamplingParameters { Temperature = 0.5f, TopK = 3, Logprobs = 2 }));
        Assert.True(SeenTokens.AreWantedBy(new SamplingParameters { RepetitionPenalty = 0.9f }));
        Assert.True(SeenTokens.AreWantedBy(new SamplingParameters { PresencePenalty = -0.1f }));
        Assert.True(SeenTokens.AreWantedBy(new SamplingParameters { FrequencyPenalty = 0.1f }));
    }

    private static int[] Tokens(Random random, int vocabulary) => [.. Enumerable.Range(0, random.Next(40)).Select(_ => random.Next(vocabulary))];

    private static void Check(int[] tokens, int[] counts, SeenTokens seen)
    {
        Assert.Equal(tokens, seen.Tokens.ToArray());
        Assert.Equal(counts, seen.Counts.ToArray());
    }
}
