namespace OrleansLLM.Cluster.Tests;

public sealed class SubmitReplyTests
{
    [Fact]
    public void A_worker_that_was_chosen_but_went_away_is_named() =>
        Assert.Equal(
            new SubmitResult.Refused(RefusalReason.Unavailable, "Worker silo/3 can't be reached."),
            SubmitReply.Refuse(new RouteReply(new WorkerId("silo", 3))).ToResult());

    [Fact]
    public void Without_a_worker_the_routers_reason_is_given() =>
        Assert.Equal(
            new SubmitResult.Refused(RefusalReason.UnknownModel, "Nobody has it."),
            SubmitReply.Refuse(new RouteReply(null, RefusalReason.UnknownModel, "Nobody has it.")).ToResult());
}
