namespace OrleansLLM.Cluster.Tests;

public sealed class DeathsTests
{
    private readonly Deaths _deaths = new();

    [Fact]
    public void Two_deaths_without_a_token_between_them_end_a_request()
    {
        Assert.False(_deaths.IsSuspect(5));
        Assert.Null(_deaths.Add(5));
        Assert.True(_deaths.IsSuspect(5));
        var end = _deaths.Add(5);

        Assert.Equal(FinishReason.Poisoned, end!.Reason);
        Assert.StartsWith("Two workers in turn stopped under this request", end.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_token_clears_a_request_and_it_goes_on_for_eight_attempts()
    {
        for (var death = 1; death < Deaths.MostAttempts; death++)
        {
            Assert.False(_deaths.IsSuspect(death));
            Assert.Null(_deaths.Add(death));
        }

        Assert.Equal(
            new SequenceEnd(FinishReason.Poisoned, Message: "8 workers in turn stopped under this request: it is not given to another one."),
            _deaths.Add(Deaths.MostAttempts));
    }
}
