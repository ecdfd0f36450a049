using OrleansLLM.Sequences;

namespace OrleansLLM.Cluster;

/// <summary>One try at a request on one worker.</summary>
/// <param name="Journal">What is known and published; a first attempt carries what the gateway submitted.</param>
/// <param name="Gateway">The silo whose sink takes the tokens.</param>
/// <param name="Epoch">An <see cref="OrleansLLM.Sequences.Epoch"/>: a receiver drops tokens of an older one.</param>
/// <param name="Incarnation">Of the worker that was chosen: one that has started again since refuses.</param>
/// <param name="Published">What attempts before this one have published, as <see cref="StepFormat"/> writes it: the worker's copy holds that, too.</param>
/// <param name="Fingerprints">The engines that published that, and this one; null where all are alike.</param>
[GenerateSerializer, Immutable, Alias("OrleansLLM.AttemptMessage")]
public sealed record AttemptMessage(
    [property: Id(0)] JournalMessage Journal, [property: Id(6)] GatewayMessage Gateway, [property: Id(3)] long Epoch, [property: Id(4)] long Incarnation,
    [property: Id(5)] byte[] Published, [property: Id(7)] FingerprintMessage[]? Fingerprints = null);

/// <summary>A <see cref="FingerprintMark"/> of a sequence on its way.</summary>
[GenerateSerializer, Immutable, Alias("OrleansLLM.FingerprintMessage")]
public sealed record FingerprintMessage([property: Id(0)] SequenceId Sequence, [property: Id(1)] int Position, [property: Id(2)] string Fingerprint)
{
    public static FingerprintMessage From(SequenceId sequence, FingerprintMark mark) => new(sequence, mark.Position, mark.Fingerprint);

    public FingerprintMark ToMark() => new(Position, Fingerprint);
}

/// <summary>New answers that share the tokens of [0, At) with an attempt and go on from there, in its epoch.</summary>
[GenerateSerializer, Immutable, Alias("OrleansLLM.ForkMessage")]
public sealed record ForkMessage(
    [property: Id(1)] int At, [property: Id(2)] SequenceId[] Children, [property: Id(3)] AttemptId Parent);

/// <param name="Change">A change as bytes of <see cref="JournalFormat"/>.</param>
[GenerateSerializer, Immutable, Alias("OrleansLLM.ChangeMessage")]
public sealed record ChangeMessage([property: Id(0)] SequenceId Sequence, [property: Id(1)] byte[] Change);

/// <summary>The end of an attempt that its gateway knows and the worker does not.</summary>
/// <param name="End">What the log has ended with; null where another attempt goes on.</param>
/// <param name="EndMark">Tokens at and behind this position are not shown; null without a mark.</param>
[GenerateSerializer, Immutable, Alias("OrleansLLM.AttemptEndMessage")]
public sealed record AttemptEndMessage([property: Id(0)] AttemptId Attempt, [property: Id(1)] EndReply? End, [property: Id(2)] int? EndMark);

/// <summary>A change for the worker that computes an attempt.</summary>
/// <param name="Change">As bytes of <see cref="JournalFormat"/>.</param>
[GenerateSerializer, Immutable, Alias("OrleansLLM.AttemptChangeMessage")]
public sealed record AttemptChangeMessage([property: Id(0)] AttemptId Attempt, [property: Id(1)] byte[] Change);

/// <summary>A <see cref="SubmitResult"/> on its way: either ids, or a reason with its message.</summary>
/// <param name="IsKnown">As <see cref="SubmitResult.Accepted.IsKnown"/>.</param>
[GenerateSerializer, Immutable, Alias("OrleansLLM.SubmitReply")]
public sealed record SubmitReply(
    [property: Id(0)] SequenceId[] Sequences,
    [property: Id(1)] RefusalReason? Reason = null,
    [property: Id(2)] string Message = "",
    [property: Id(3)] TimeSpan? RetryAfter = null,
    [property: Id(4)] bool IsKnown = false)
{
    public static SubmitReply From(SubmitResult result) => result switch
    {
        SubmitResult.Accepted accepted => new SubmitReply([.. accepted.Sequences], IsKnown: accepted.IsKnown),
        SubmitResult.Refused refused => Refuse(refused.Reason, refused.Message, refused.RetryAfter),
        _ => throw new NotSupportedException($"A submission ended as {result.GetType().Name}."),
    };

    public static SubmitReply Refuse(RefusalReason reason, string message, TimeSpan? retryAfter = null) =>
        new([], reason, message, retryAfter);

    /// <summary>The refusal of a request that found no worker, or whose worker went away.</summary>
    public static SubmitReply Refuse(RouteReply route) => route.Worker is { } worker
        ? Refuse(RefusalReason.Unavailable, $"Worker {worker} can't be reached.")
        : Refuse(route.Reason, route.Message);

    public SubmitResult ToResult() => Reason is { } reason
        ? new SubmitResult.Refused(reason, Message, RetryAfter)
        : new SubmitResult.Accepted(Sequences) { IsKnown = IsKnown };
}
