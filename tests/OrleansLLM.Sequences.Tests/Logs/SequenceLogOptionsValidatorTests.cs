namespace OrleansLLM.Sequences.Tests;

public sealed class SequenceLogOptionsValidatorTests
{
    private static readonly SequenceLogOptions Sound = new();

    [Fact]
    public void Times_and_sizes_below_zero_are_refused_and_named()
    {
        var below = TimeSpan.FromSeconds(-2);
        Assert.Equal(
            [
                "SubmitterHold is -00:00:02; it must be 0 or more, or Timeout.InfiniteTimeSpan.", "Retention is -00:00:02; it must be 0 to 49 days.",
                "MaxRetainedBytes (--max-retained-bytes) is -1; it must be 1048576 bytes or more.",
            ],
            SequenceLogOptionsValidator.Validate(new SequenceLogOptions { SubmitterHold = below, Retention = below, MaxRetainedBytes = -1 }).Sentences);
    }

    [Fact]
    public void Logs_refuse_options_that_can_not_be_when_they_are_made()
    {
        var options = new SequenceLogOptions { Retention = TimeSpan.FromDays(50), MaxRetainedBytes = -1 };
        var error = Assert.Throws<ArgumentException>(() => new SequenceLogs(options, TimeProvider.System, _ => { }));
        Assert.Equal("Retention is 50.00:00:00; it must be 0 to 49 days.\nMaxRetainedBytes (--max-retained-bytes) is -1; it must be 1048576 bytes or more.", error.Message);
    }

    [Fact]
    public void Nothing_retained_and_a_hold_without_end_are_sound()
    {
        var options = new SequenceLogOptions { SubmitterHold = Timeout.InfiniteTimeSpan, Retention = TimeSpan.Zero, MaxRetainedBytes = 1 << 20 };
        Assert.Empty(SequenceLogOptionsValidator.Validate(options).Sentences);
        Assert.Empty(SequenceLogOptionsValidator.Validate(Sound with { SubmitterHold = TimeSpan.Zero }).Sentences);
        Assert.Empty(SequenceLogOptionsValidator.Validate(Sound with { Retention = TimeSpan.FromDays(49) }).Sentences);
    }
}
