namespace OrleansLLM.Abstractions.Tests;

public sealed class OptionProblemsTests
{
    private static readonly OptionName Length = new("MaxModelLength", "--max-model-len");

    private readonly OptionProblems _problems = new();

    [Fact]
    public void An_invalid_option_is_said_by_both_names_with_its_value_and_its_range()
    {
        _problems.Require(isValid: false, Length, 9000, "1 to 2048");
        _problems.Require(isValid: false, new OptionName("RetryAfter"), TimeSpan.FromSeconds(-1), "0 or more");
        Assert.Equal(
            ["MaxModelLength (--max-model-len) is 9000; it must be 1 to 2048.", "RetryAfter is -00:00:01; it must be 0 or more."], _problems.Sentences);
    }

    [Fact]
    public void All_problems_are_thrown_together_a_sentence_a_line()
    {
        _problems.Require(isValid: false, Length, 9000, "1 to 2048");
        _problems.Add("Another one.");
        var error = Assert.Throws<ArgumentException>(_problems.ThrowIfAny);
        Assert.Equal("MaxModelLength (--max-model-len) is 9000; it must be 1 to 2048.\nAnother one.", error.Message);
    }

    [Fact]
    public void Without_a_problem_nothing_is_thrown()
    {
        _problems.Require(isValid: true, Length, 1024, "1 to 2048");
        _problems.ThrowIfAny();
        Assert.Empty(_problems.Sentences);
    }
}
