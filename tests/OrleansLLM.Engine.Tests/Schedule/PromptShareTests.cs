namespace OrleansLLM.Engine.Tests;

/// <summary>What a step gives to which prompt. Long ones have more than 15 tokens to compute; two may stay unfinished, one long one among them.</summary>
public sealed class PromptShareTests
{
    private static readonly PrefillLimits Limits = new(Partial: 2, Long: 1, LongTokens: 15);

    private readonly PromptShare _share = new(Limits);

    [Fact]
    public void A_prompt_is_long_above_the_threshold()
    {
        Assert.False(Limits.IsLong(15));
        Assert.True(Limits.IsLong(16));
    }

    [Fact]
    public void A_long_prompt_gets_a_quarter_of_the_step_at_first_and_shorter_ones_all()
    {
        _share.Begin(tokens: 40, step: 40, runningLong: 0);
        Assert.Equal(15, _share.Grant(15));
        Take(15, need: 15);
        Assert.Equal(10, _share.Grant(16));
        Take(10, need: 16);
        Assert.Equal((15, 25), (_share.Left, _share.Given));
        Assert.Equal(10, Assert.Single(_share.Partials).Count);
    }

    [Fact]
    public void A_second_long_prompt_waits_unless_its_quarter_finishes_it()
    {
        _share.Begin(tokens: 70, step: 80, runningLong: 0);
        Take(20, need: 30);
        Assert.False(_share.HasLongPlace);
        Assert.True(_share.HasPlace);
        Assert.Equal(0, _share.Grant(21));
        Assert.Equal(20, _share.Grant(20));
    }

    [Fact]
    public void A_running_long_prompts_quarter_is_kept_for_it()
    {
        _share.Begin(tokens: 20, step: 40, runningLong: 3);
        Assert.Equal(10, _share.Grant(12));
        Take(10, need: 30);
        Assert.Equal(10, _share.Grant(12));
    }

    [Fact]
    public void Behind_the_short_ones_a_long_prompt_gets_all_where_that_finishes_it()
    {
        _share.Begin(tokens: 40, step: 40, runningLong: 0);
        Assert.Equal(10, _share.Grant(40));
        _share.EndShortOnes();
        Assert.Equal(40, _share.Grant(40));
        Assert.Equal(10, _share.Grant(41));
        _share.Begin(tokens: 40, step: 40, runningLong: 0);
        Assert.Equal(10, _share.Grant(40));
    }

    [Fact]
    public void No_more_prompts_stay_unfinished_than_may()
    {
        _share.Begin(tokens: 30, step: 40, runningLong: 0);
        Take(1, need: 2);
        Take(1, need: 2);
        Assert.False(_share.HasPlace);
        Assert.Equal(15, _share.Grant(15));
        Take(15, need: 15);
        Assert.Equal(0, _share.Grant(14));
        Assert.Equal(13, _share.Grant(13));
    }

    [Fact]
    public void An_unfinished_prompt_can_get_more()
    {
        _share.Begin(tokens: 40, step: 40, runningLong: 0);
        Take(10, need: 30);
        _share.Extend(0, 7);
        Assert.Equal((23, 17, 17), (_share.Left, _share.Given, _share.Partials[0].Count));
    }

    private void Take(int count, int need)
    {
        var request = CoreFixture.Request([1], 1);
        _share.Take(new Sequence(request, CoreFixture.Epoch(1), new SequenceId(request.Id, 0), [], CoreFixture.Shape(16, [0])), count, need);
    }
}
