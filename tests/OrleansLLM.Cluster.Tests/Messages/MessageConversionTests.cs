namespace OrleansLLM.Cluster.Tests;

/// <summary>What a message is made of and what becomes of it: two fields that change places on both ways are seen here.</summary>
public sealed class MessageConversionTests
{
    private static readonly SequenceId Sequence = new(Request: new RequestId(Upper: 1, Lower: 2), Index: 3);

    [Fact]
    public void A_load_keeps_each_number_in_its_place()
    {
        var load = new EngineLoad(Running: 1, Waiting: 2, Preempted: 3, TotalBlocks: 4, UsedBlocks: 5, CachedBlocks: 6, Step: 7);
        var message = new LoadMessage(Running: 1, Waiting: 2, Preempted: 3, TotalBlocks: 4, UsedBlocks: 5, CachedBlocks: 6, Step: 7);

        Assert.Equal(message, LoadMessage.From(load));
        Assert.Equal(load, message.ToLoad());
    }

    [Fact]
    public void A_description_keeps_each_field_in_its_place()
    {
        var description = new SequenceDescription(
            Id: Sequence, Phase: SequencePhase.Ended, PromptTokens: 4, Tokens: 5, CachedTokens: 6,
            End: new SequenceEnd(Reason: FinishReason.Failed, StopToken: 7, Message: "It broke."));
        var message = new DescriptionReply(
            Sequence: Sequence, Phase: SequencePhase.Ended, PromptTokens: 4, Tokens: 5, CachedTokens: 6,
            End: new EndReply(Reason: FinishReason.Failed, StopToken: 7, Message: "It broke."));

        Assert.Equal(message, DescriptionReply.From(description));
        Assert.Equal(description, message.ToDescription());
    }

    [Fact]
    public void A_description_without_an_end_and_no_description_stay_without()
    {
        var running = new SequenceDescription(Id: Sequence, Phase: SequencePhase.Running, PromptTokens: 4, Tokens: 5, CachedTokens: 6, End: null);

        Assert.Null(DescriptionReply.From(running).End);
        Assert.Equal(running, DescriptionReply.From(running).ToDescription());
        Assert.Null(DescriptionReply.From(null));
    }

    [Fact]
    public void An_accepted_submission_keeps_its_ids()
    {
        var reply = SubmitReply.From(new SubmitResult.Accepted(Sequences: [Sequence]));

        Assert.Equal([Sequence], reply.Sequences);
        Assert.Null(reply.Reason);
        var accepted = Assert.IsType<SubmitResult.Accepted>(reply.ToResult());
        Assert.Equal([Sequence], accepted.Sequences);
        Assert.False(accepted.IsKnown);
        var known = SubmitReply.From(new SubmitResult.Accepted(Sequences: [Sequence]) { IsKnown = true });
        Assert.True(Assert.IsType<SubmitResult.Accepted>(known.ToResult()).IsKnown);
    }

    [Fact]
    public void A_refused_submission_keeps_reason_message_and_delay()
    {
        var refused = new SubmitResult.Refused(Reason: RefusalReason.QueueFull, Message: "Full.", RetryAfter: TimeSpan.FromSeconds(3));

        var reply = SubmitReply.From(refused);

        Assert.Empty(reply.Sequences);
        Assert.Equal(RefusalReason.QueueFull, reply.Reason);
        Assert.Equal("Full.", reply.Message);
        Assert.Equal(TimeSpan.FromSeconds(3), reply.RetryAfter);
        Assert.Equal(refused, reply.ToResult());
    }

    [Fact]
    public void A_report_describes_its_worker_and_its_model()
    {
        var load = new EngineLoad(Running: 1, Waiting: 2, Preempted: 3, TotalBlocks: 4, UsedBlocks: 5, CachedBlocks: 6, Step: 7);
        var report = new WorkerReport(
            Worker: new WorkerId(Silo: "silo", Device: 8),
            Incarnation: 9,
            Model: new ServedModelMessage(
                Name: "model", MaxLength: 10, VocabularySize: 11, Fingerprint: "fingerprint", Device: "device", CacheTokens: 12),
            Phase: WorkerPhase.Draining,
            Load: LoadMessage.From(load),
            Progress: 13,
            Number: 14);

        Assert.Equal(
            new WorkerDescription(
                Id: new WorkerId(Silo: "silo", Device: 8), Model: "model", Fingerprint: "fingerprint", Device: "device",
                Phase: WorkerPhase.Draining, Load: load),
            report.ToDescription());
        Assert.Equal(new ModelDescription(Name: "model", MaxLength: 10, VocabularySize: 11), report.Model.ToDescription());
    }
}
