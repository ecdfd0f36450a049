namespace OrleansLLM.Sequences;

/// <summary>Whether logs can live so long. Pure.</summary>
internal static class SequenceLogOptionsValidator
{
    /// <summary>What a timer waits at most, in whole days.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromDays(49);

    private static readonly OptionName SubmitterHold = new(nameof(SequenceLogOptions.SubmitterHold));
    private static readonly OptionName Retention = new(nameof(SequenceLogOptions.Retention));
    private static readonly OptionName RetainedTokens = new(nameof(SequenceLogOptions.RetainedTokens));

    public static OptionProblems Validate(SequenceLogOptions options)
    {
        var problems = new OptionProblems();
        problems.Require(
            options.SubmitterHold >= TimeSpan.Zero || options.SubmitterHold == Timeout.InfiniteTimeSpan,
            SubmitterHold, options.SubmitterHold, "0 or more, or Timeout.InfiniteTimeSpan");
        problems.Require(
            options.Retention >= TimeSpan.Zero && options.Retention <= Longest, Retention, options.Retention, $"0 to {Longest.Days} days");
        problems.Require(options.RetainedTokens >= 0, RetainedTokens, options.RetainedTokens, "0 or more");
        return problems;
    }
}
