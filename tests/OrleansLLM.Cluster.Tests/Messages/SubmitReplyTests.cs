namespace OrleansLLM.Cluster.Tests;

public sealed class SubmitReplyTests
{
    [Fact]
    public void A_refusal_comes_back_with_its_reason_its_message_and_its_pause()
    {
        var refused = new SubmitResult.Refused(RefusalReason.QueueFull, "Ten wait.", TimeSpan.FromSeconds(2));

        Assert.Equal(refused, SubmitReply.From(refused).ToResult());
    }

    [Fact]
    public void Accepted_ids_come_back_in_their_order()
    {
        SequenceId[] ids = [new(new RequestId(1, 2), 1), new(new RequestId(1, 2), 0)];

        Assert.Equal(ids, Assert.IsType<SubmitResult.Accepted>(SubmitReply.From(new SubmitResult.Accepted(ids)).ToResult()).Sequences);
    }

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
