using System.Diagnostics.CodeAnalysis;

namespace OrleansLLM.Cluster;

/// <summary>A <see cref="SequenceDescription"/> on its way.</summary>
[GenerateSerializer, Immutable, Alias("OrleansLLM.DescriptionReply")]
public sealed record DescriptionReply(
    [property: Id(0)] SequenceId Sequence,
    [property: Id(1)] SequencePhase Phase,
    [property: Id(2)] int PromptTokens,
    [property: Id(3)] int Tokens,
    [property: Id(4)] int CachedTokens,
    [property: Id(5)] EndReply? End)
{
    [return: NotNullIfNotNull(nameof(description))]
    public static DescriptionReply? From(SequenceDescription? description) => description is null ? null : new(
        description.Id, description.Phase, description.PromptTokens, description.Tokens, description.CachedTokens,
        EndReply.From(description.End));

    public SequenceDescription ToDescription() => new(
        Sequence, Phase, PromptTokens, Tokens, CachedTokens,
        End?.ToEnd());
}

/// <summary>A <see cref="SequenceEnd"/> on its way.</summary>
[GenerateSerializer, Immutable, Alias("OrleansLLM.EndReply")]
public sealed record EndReply([property: Id(0)] FinishReason Reason, [property: Id(1)] int? StopToken, [property: Id(2)] string? Message)
{
    [return: NotNullIfNotNull(nameof(end))]
    public static EndReply? From(SequenceEnd? end) => end is null ? null : new(end.Reason, end.StopToken, end.Message);

    public SequenceEnd ToEnd() => new(Reason, StopToken, Message);
}
