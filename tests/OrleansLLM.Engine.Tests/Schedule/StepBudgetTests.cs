namespace OrleansLLM.Engine.Tests;

public sealed class StepBudgetTests
{
    private static readonly TimeSpan Longest = TimeSpan.FromMilliseconds(250);

    [Fact]
    public void Without_a_limit_of_time_every_step_may_compute_the_most()
    {
        var budget = new StepBudget(null, 256);
        budget.Note(256, TimeSpan.FromMinutes(1));
        Assert.Equal(256, budget.Tokens);
    }

    [Fact]
    public void The_first_chunk_has_sixty_four_tokens_or_the_most_where_that_is_less()
    {
        Assert.Equal(64, new StepBudget(Longest, 256).Tokens);
        Assert.Equal(48, new StepBudget(Longest, 48).Tokens);
    }

    /// <summary>A step takes a fixed time and one for each token: the budget finds what fits, from below and from above.</summary>
    [Theory]
    [InlineData(10, 2, 120)]
    [InlineData(200, 1, 50)]
    [InlineData(0, 0.1, 256)]
    [InlineData(0, 100, 16)]
    [InlineData(600, 1, 16)]
    public void It_settles_at_what_fits_into_the_time(double fixedMilliseconds, double millisecondsEach, int expected)
    {
        var budget = new StepBudget(Longest, 256);
        for (var step = 0; step < 60; step++)
        {
            budget.Note(budget.Tokens, TimeSpan.FromMilliseconds(fixedMilliseconds + (millisecondsEach * budget.Tokens)));
        }

        Assert.InRange(budget.Tokens, expected - 2, expected);
    }

    [Fact]
    public void It_doubles_at_most_and_falls_at_once()
    {
        var budget = new StepBudget(Longest, 1024);
        budget.Note(64, TimeSpan.Zero);
        Assert.Equal(128, budget.Tokens);
        budget.Note(128, TimeSpan.FromMilliseconds(1));
        Assert.Equal(256, budget.Tokens);
        budget.Note(256, TimeSpan.FromSeconds(2.5));
        Assert.Equal(25, budget.Tokens);
    }

    [Fact]
    public void Steps_that_did_not_use_it_up_teach_nothing_but_slowness()
    {
        var budget = new StepBudget(Longest, 256);
        budget.Note(0, TimeSpan.FromMinutes(1));
        budget.Note(10, TimeSpan.FromMilliseconds(1));
        Assert.Equal(64, budget.Tokens);
        budget.Note(10, TimeSpan.FromMilliseconds(100));
        Assert.Equal(25, budget.Tokens);
    }
}
