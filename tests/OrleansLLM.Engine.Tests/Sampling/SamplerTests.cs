using OrleansLLM.Compute;

namespace OrleansLLM.Engine.Tests;

/// <summary>What the device is told of each row.</summary>
public sealed class SamplerTests
{
    private static readonly CacheShape Shape = CoreFixture.Shape(4, [0]);

    private readonly SamplingPlan _plan = new(2);

    [Fact]
    public void A_row_holds_the_wishes_of_its_sequence_and_the_place_of_the_token_to_be_drawn()
    {
        var first = new SamplingParameters
        {
            Temperature = 0.5f, TopK = 11, TopP = 0.25f, MinP = 0.125f, RepetitionPenalty = 1.5f, PresencePenalty = 2.5f, FrequencyPenalty = 3.5f, Seed = 77,
        };
        Fill(Of(first, 4, [8, 9, 9]), Of(first with { TopK = 12, Seed = 78 }, 2, []));
        Assert.Equal(2, _plan.Rows);
        Assert.Equal((0.5f, 11, 0.25f, 0.125f), (_plan.Temperature[0], _plan.TopK[0], _plan.TopP[0], _plan.MinP[0]));
        Assert.Equal((1.5f, 2.5f, 3.5f), (_plan.RepetitionPenalty[0], _plan.PresencePenalty[0], _plan.FrequencyPenalty[0]));
        Assert.Equal((77ul, 4, 5), (_plan.Seed[0], _plan.Sample[0], _plan.Position[0]));
        Assert.Equal((12, 78ul, 2, 2), (_plan.TopK[1], _plan.Seed[1], _plan.Sample[1], _plan.Position[1]));
        Assert.Equal([1, 2, 8, 9], _plan.Seen.Ids(0).ToArray());
        Assert.Equal([0, 0, 1, 2], _plan.Seen.Values(0).ToArray());
    }

    [Theory]
    [InlineData(1e-5f, 1e-5f)]
    [InlineData(9.9e-6f, 0f)]
    [InlineData(0f, 0f)]
    public void Too_low_a_temperature_to_divide_by_is_greedy(float asked, float told)
    {
        Fill(Of(new SamplingParameters { Temperature = asked }, 0, []));
        Assert.Equal(told, _plan.Temperature[0]);
    }

    [Fact]
    public void Nothing_of_the_step_before_is_left()
    {
        var crowded = Of(new SamplingParameters { LogitBias = [new(1, 1)], AllowedTokenIds = [1], PresencePenalty = 1 }, 0, []);
        Fill(crowded, crowded);
        Fill(Of(new SamplingParameters(), 0, []));
        Assert.Equal(1, _plan.Rows);
        Assert.Equal(0, _plan.Bias.Ids(0).Length + _plan.Allowed.Ids(0).Length + _plan.Seen.Ids(0).Length);
    }

    [Fact]
    public void Bias_is_given_as_it_was_asked_for()
    {
        Fill(Of(new SamplingParameters { LogitBias = [new(3, 1.5f), new(5, -2)] }, 0, []), Of(new SamplingParameters { LogitBias = [new(7, 1)] }, 0, []));
        Assert.Equal([3, 5], _plan.Bias.Ids(0).ToArray());
        Assert.Equal([1.5f, -2], _plan.Bias.Values(0).ToArray());
        Assert.Equal([7], _plan.Bias.Ids(1).ToArray());
    }

    [Fact]
    public void The_only_tokens_that_may_be_drawn_are_given_by_row()
    {
        Fill(Of(new SamplingParameters { AllowedTokenIds = [3, 5] }, 0, []), Of(new SamplingParameters { AllowedTokenIds = [7] }, 0, []));
        Assert.Equal([3, 5], _plan.Allowed.Ids(0).ToArray());
        Assert.Equal([7], _plan.Allowed.Ids(1).ToArray());
    }

    /// <summary>Bad words, and stop tokens as long as the answer is too short, are forbidden by an infinite bias.</summary>
    [Theory]
    [InlineData(new int[0], new[] { 9, 8 })]
    [InlineData(new[] { 6 }, new[] { 9, 8 })]
    [InlineData(new[] { 5, 6 }, new[] { 7, 8 })]
    [InlineData(new[] { 5, 6, 1 }, new[] { 8 })]
    [InlineData(new[] { 6, 1, 5, 6 }, new[] { 7, 8 })]
    [InlineData(new[] { 5, 5, 1, 6 }, new[] { 8 })]
    [InlineData(new[] { 5, 6, 6, 5 }, new[] { 8, 3 })]
    public void What_must_not_be_drawn_is_forbidden(int[] output, int[] forbidden)
    {
        Fill(Of(new SamplingParameters { BadWords = [[5, 6, 7], [8], [6, 5, 3]] }, 0, output, minTokens: 2));
        Assert.Equal(forbidden, _plan.Bias.Ids(0).ToArray());
        Assert.All(_plan.Bias.Values(0).ToArray(), bias => Assert.Equal(float.NegativeInfinity, bias));
    }

    /// <summary>The prompt is no part of what a bad word is looked for in, as in vLLM.</summary>
    [Fact]
    public void A_bad_word_that_begins_in_the_prompt_is_not_forbidden()
    {
        Fill(Of(new SamplingParameters { BadWords = [[1, 2, 3], [2, 4, 6]] }, 0, [4]));
        Assert.Equal(0, _plan.Bias.Ids(0).Length);
    }

    private static Sequence Of(SamplingParameters sampling, int index, int[] output, int minTokens = 0)
    {
        var request = CoreFixture.Request([1, 2], 20) with { Sampling = sampling, MinTokens = minTokens, StopTokenIds = [9] };
        var sequence = new Sequence(request, CoreFixture.Epoch(1), new SequenceId(request.Id, index), output, Shape);
        sequence.MakeRoom();
        return sequence;
    }

    private void Fill(params Sequence[] sequences) => Sampler.Fill(_plan, sequences);
}
