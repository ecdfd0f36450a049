using OrleansLLM.Sequences;

namespace OrleansLLM.Cluster;

/// <summary>Why a worker computes a sequence no longer: one case, with another sentence for each.</summary>
public enum LossCause
{
    /// <summary>Its silo has left the cluster, or came back without what it held.</summary>
    Died,

    /// <summary>It is silent, or its device gets on with nothing.</summary>
    Hung,

    /// <summary>Its engine failed, or failed at this sequence.</summary>
    Failed,

    /// <summary>It is to end; it goes on until the sequence has moved.</summary>
    Drains,

    /// <summary>It does not hold what it was given.</summary>
    Forgot,

    /// <summary>It is in the silo that has the logs, and another one could be chosen: no one death should take both copies.</summary>
    Together,
}

/// <summary>A worker computes something no longer.</summary>
/// <param name="Incarnation">Of the worker.</param>
/// <param name="Attempts">The only ones that are lost, or null for all on that worker.</param>
/// <param name="End">What a sequence ends with where nobody can go on with it.</param>
[GenerateSerializer, Immutable, Alias("OrleansLLM.LossMessage")]
public sealed record LossMessage(
    [property: Id(0)] long Incarnation, [property: Id(1)] LossCause Cause, [property: Id(2)] EndReply End, [property: Id(3)] AttemptId[]? Attempts = null);
