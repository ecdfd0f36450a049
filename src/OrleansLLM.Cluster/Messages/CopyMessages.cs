using OrleansLLM.Sequences;

namespace OrleansLLM.Cluster;

/// <summary>A worker's copy of one attempt: with it a gateway goes on where another one died.</summary>
/// <param name="Journal">As it was submitted: the request, earlier output and changes of all sequences that were submitted together.</param>
/// <param name="PromptLength">Tokens of this sequence's prompt: a fork inside its parent's has a shorter one.</param>
/// <param name="Entries">What earlier attempts and this one have published of the sequence, as <see cref="StepFormat"/> writes it.</param>
/// <param name="Changes">Changes of this attempt, as bytes of <see cref="JournalFormat"/>, each behind its position.</param>
/// <param name="End">As the gateway ended it; null where it did not.</param>
/// <param name="EndMark">As <see cref="AttemptEndMessage.EndMark"/>.</param>
/// <param name="Age">Since the attempt was accepted.</param>
/// <param name="Fingerprints">The engines that published its entries; null where all are this worker's.</param>
[GenerateSerializer, Immutable, Alias("OrleansLLM.CopyMessage")]
public sealed record CopyMessage(
    [property: Id(0)] AttemptId Attempt,
    [property: Id(1)] JournalMessage Journal,
    [property: Id(2)] int PromptLength,
    [property: Id(3)] byte[] Entries,
    [property: Id(4)] NotedChangeMessage[] Changes,
    [property: Id(5)] EndReply? End,
    [property: Id(6)] int? EndMark,
    [property: Id(7)] TimeSpan Age,
    [property: Id(8)] FingerprintMessage[]? Fingerprints = null);

/// <param name="Change">As bytes of <see cref="JournalFormat"/>.</param>
[GenerateSerializer, Immutable, Alias("OrleansLLM.NotedChangeMessage")]
public sealed record NotedChangeMessage([property: Id(0)] int Position, [property: Id(1)] byte[] Change);

/// <summary>Another gateway takes an attempt's tokens from now on.</summary>
/// <param name="Next">The position that it lacks.</param>
[GenerateSerializer, Immutable, Alias("OrleansLLM.RedirectMessage")]
public sealed record RedirectMessage(
    [property: Id(0)] AttemptId Attempt, [property: Id(1)] GatewayMessage Gateway, [property: Id(2)] int Next);

/// <summary>A gateway's silo: its name, and the address that tells two lives of one name apart.</summary>
[GenerateSerializer, Immutable, Alias("OrleansLLM.GatewayMessage")]
public sealed record GatewayMessage([property: Id(0)] string Name, [property: Id(1)] string Address);
