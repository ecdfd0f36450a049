namespace OrleansLLM.Cluster.Tests;

public sealed class DescriptionReplyTests
{
    private static readonly SequenceDescription Running = new(new SequenceId(new RequestId(1, 2), 3), SequencePhase.Preempted, 4, 5, 6, null);

    [Fact]
    public void A_description_comes_back_as_it_was()
    {
        var ended = Running with { Phase = SequencePhase.Ended, End = new SequenceEnd(FinishReason.Stop, 7, "By a token.") };

        Assert.Equal(Running, DescriptionReply.From(Running).ToDescription());
        Assert.Equal(ended, DescriptionReply.From(ended).ToDescription());
    }

    [Fact]
    public void Nothing_is_described_by_nothing() => Assert.Null(DescriptionReply.From(null));
}
