namespace OrleansLLM.Sequences;

/// <summary>Whether logs can live so long. Pure.</summary>
public static class SequenceLogOptionsValidator
{
    /// <summary>What a timer waits at most, in whole days.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromDays(49);

    /// <summary>With less a single request may never find room.</summary>
    public const long LeastBytes = 1 << 20;

    private static readonly OptionName SubmitterHold = new(nameof(SequenceLogOptions.SubmitterHold));
    private static readonly OptionName Retention = new(nameof(SequenceLogOptions.Retention));
    private static readonly OptionName MaxRetainedBytes = new(nameof(SequenceLogOptions.MaxRetainedBytes), "--max-retained-bytes");

    public static OptionProblems Validate(SequenceLogOptions options)
    {
        var problems = new OptionProblems();
        problems.Require(
            options.SubmitterHold >= TimeSpan.Zero || options.SubmitterHold == Timeout.InfiniteTimeSpan,
            SubmitterHold, options.SubmitterHold, "0 or more, or Timeout.InfiniteTimeSpan");
        problems.Require(
            options.Retention >= TimeSpan.Zero && options.Retention <= Longest, Retention, options.Retention, FormattableString.Invariant($"0 to {Longest.Days} days"));
        problems.Require(options.MaxRetainedBytes >= LeastBytes, MaxRetainedBytes, options.MaxRetainedBytes, $"{LeastBytes} bytes or more");
        return problems;
    }
}
