namespace OrleansLLM.Engine.Tests;

/// <summary>Rows that draw no token: of what a request allows nothing is left, or the model's logits are no numbers.</summary>
public class NoTokenTests
{
    private const int Broken = 31;

    private static readonly int[] Prompt = [.. Enumerable.Range(0, 21).Select(i => i * 7 % 30)];

    private static readonly KeyValuePair<int, float>[] BanAll = [.. Enumerable.Range(0, 32).Select(id => KeyValuePair.Create(id, float.NegativeInfinity))];

    public static TheoryData<string> Bans => ["minimum", "bias", "words", "bias and allowed"];

    [Theory]
    [MemberData(nameof(Bans))]
    public void A_request_that_allows_nothing_ends_before_its_first_token_and_says_why(string ban)
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100), [0, 6]);
        var request = CoreFixture.Request(Prompt, 8);
        var banned = ban switch
        {
            "minimum" => request with { StopTokenIds = [3], MinTokens = 3, Sampling = request.Sampling with { AllowedTokenIds = [3] } },
            "bias" => request with { Sampling = request.Sampling with { LogitBias = BanAll, Temperature = 1 } },
            "words" => request with { Sampling = request.Sampling with { BadWords = [.. Enumerable.Range(0, 32).Select(id => new[] { id })] } },
            _ => request with { Sampling = request.Sampling with { AllowedTokenIds = [4, 5], BadWords = [[4]], LogitBias = [new(5, float.NegativeInfinity)] } },
        };
        var alone = fixture.Submit(banned)[0];
        var beside = fixture.Submit(CoreFixture.Request([1, 2, 3], 8))[0];
        fixture.RunToRest();
        Assert.Equal(FinishReason.NothingAllowed, fixture.Answers[alone].End!.Reason);
        Assert.Contains("allowed_token_ids", fixture.Answers[alone].End!.Message, StringComparison.Ordinal);
        Assert.Equal(Prompt.Length, fixture.Answers[alone].Tokens.Count);
        Assert.Equal(FinishReason.Length, fixture.Answers[beside].End!.Reason);
    }

    [Fact]
    public void What_is_forbidden_later_ends_an_answer_behind_the_tokens_that_it_had()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100), [0]);
        var sequences = fixture.Submit(CoreFixture.Request(Prompt, 40) with { Samples = 3, Sampling = new SamplingParameters { Logprobs = 2, Seed = 5 } });
        for (var step = 0; step < 6; step++)
        {
            fixture.Step();
        }

        fixture.Change(sequences[1], new SequenceChange(Sampling: new SamplingParameters { LogitBias = BanAll, Logprobs = 2 }));
        fixture.RunToRest();
        Assert.Equal(FinishReason.NothingAllowed, fixture.Answers[sequences[1]].End!.Reason);
        Assert.InRange(fixture.Answers[sequences[1]].Tokens.Count, Prompt.Length + 1, Prompt.Length + 6);
        Assert.Equal([FinishReason.Length, FinishReason.Length], new[] { 0, 2 }.Select(i => fixture.Answers[sequences[i]].End!.Reason));
    }

    [Fact]
    public void Logits_that_are_no_numbers_end_their_sequences_by_the_models_name_and_no_other()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100), [0, 6]);
        fixture.Model.BrokenToken = Broken;
        var sound = fixture.Submit(CoreFixture.Request(Prompt, 8) with { Sampling = Forbidding(Broken) })[0];
        var broken = fixture.Submit(CoreFixture.Request([.. Prompt, Broken], 8) with { Samples = 2, Sampling = new SamplingParameters { Logprobs = 3 } });
        RunToRest(fixture);
        Assert.Equal(FinishReason.Length, fixture.Answers[sound].End!.Reason);
        Assert.All(broken, sequence =>
        {
            var end = fixture.Answers[sequence].End!;
            Assert.Equal(FinishReason.BrokenLogits, end.Reason);
            Assert.StartsWith("The model `fake` computed logits that are no numbers", end.Message, StringComparison.Ordinal);
            Assert.Equal(Prompt.Length + 1, fixture.Answers[sequence].Tokens.Count);
        });
        Assert.Contains("logits that are no numbers", Assert.Single(fixture.Log.GetSnapshot()).Message, StringComparison.Ordinal);
        Assert.Equal(1, fixture.Core.Statistics.Failures);
    }

    [Fact]
    public void Nothing_hits_the_blocks_of_a_sequence_whose_logits_were_no_numbers()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100) with { MaxBatchedTokens = 8 }, [0, 6]);
        fixture.Model.BrokenToken = Broken;
        int[] prompt = [.. Prompt, Broken, 1, 2, 3];
        fixture.Submit(CoreFixture.Request(prompt, 8));
        RunToRest(fixture);
        Assert.Equal(0, fixture.Core.Statistics.Load.CachedBlocks);
        fixture.Model.BrokenToken = null;
        var again = fixture.Submit(CoreFixture.Request(prompt, 8))[0];
        RunToRest(fixture);
        Assert.Equal(0, fixture.Answers[again].CachedTokens);
        Assert.Equal(FinishReason.Length, fixture.Answers[again].End!.Reason);
        Assert.True(fixture.Core.Statistics.Load.CachedBlocks > 0);
    }

    [Fact]
    public void A_prefix_that_another_sequence_reads_is_forgotten_too_and_the_reader_goes_on()
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100), [0]);
        fixture.Model.BrokenToken = Broken;
        var reader = fixture.Submit(CoreFixture.Request(Prompt, 30) with { Sampling = Forbidding(Broken) })[0];
        fixture.Step();
        fixture.Step();
        var broken = fixture.Submit(CoreFixture.Request([.. Prompt[..20], Broken], 8))[0];
        fixture.Step();
        fixture.Step();
        Assert.Equal(20, fixture.Answers[broken].CachedTokens);
        Assert.Equal(FinishReason.BrokenLogits, fixture.Answers[broken].End!.Reason);
        var later = fixture.Submit(CoreFixture.Request(Prompt[..18], 3) with { Sampling = Forbidding(Broken) })[0];
        RunToRest(fixture);
        Assert.Equal(0, fixture.Answers[later].CachedTokens);
        Assert.Equal(FinishReason.Length, fixture.Answers[reader].End!.Reason);
    }

    /// <summary>With a budget below the prompt they show in the middle of it, where the rest is not computed any more.</summary>
    [Theory]
    [InlineData(16)]
    [InlineData(64)]
    public void Prompt_log_probabilities_of_logits_that_are_no_numbers_end_all_answers(int budget)
    {
        using var fixture = new CoreFixture(CoreFixture.Options(100) with { MaxBatchedTokens = budget }, [0]);
        fixture.Model.BrokenToken = Broken;
        int[] prompt = [1, 2, Broken, .. Enumerable.Repeat(4, 40)];
        var sequences = fixture.Submit(CoreFixture.Request(prompt, 4) with { Samples = 3, Sampling = new SamplingParameters { PromptLogprobs = 1 } });
        var scored = fixture.Submit(CoreFixture.Request(prompt, 0) with { Sampling = new SamplingParameters { PromptLogprobs = 0 } })[0];
        RunToRest(fixture);
        Assert.All([.. sequences, scored], sequence => Assert.Equal(FinishReason.BrokenLogits, fixture.Answers[sequence].End!.Reason));
        Assert.Equal(0, fixture.Core.Statistics.Load.CachedBlocks);
    }

    private static SamplingParameters Forbidding(int token) => new() { Temperature = 0, LogitBias = [new(token, float.NegativeInfinity)] };

    private static void RunToRest(CoreFixture fixture)
    {
        for (var step = 0; !fixture.Core.IsIdle; step++)
        {
            Assert.True(step < 1000);
            fixture.Step();
        }

        Assert.Null(fixture.Core.FindLeak());
    }
}
