namespace OrleansLLM;

/// <summary>The door to what serves: workers and models.</summary>
public interface IFleet
{
    ValueTask<IReadOnlyList<WorkerDescription>> GetWorkersAsync(CancellationToken cancellation);

    ValueTask<IReadOnlyList<ModelDescription>> GetModelsAsync(CancellationToken cancellation);

    /// <summary>The whole cluster as this process sees it; a gateway that does not answer at once is counted without its sequences.</summary>
    ValueTask<ClusterDescription> DescribeAsync(CancellationToken cancellation);

    /// <summary>
    /// Has a worker's process end as by SIGTERM: it takes nothing new, and what it computes moves to other workers. The same again says how it is.
    /// </summary>
    /// <param name="worker">Its id as text, or its silo's name.</param>
    ValueTask<DrainResult> DrainAsync(string worker, CancellationToken cancellation);
}

/// <summary>The everyday outcomes of asking a worker to drain.</summary>
public abstract record DrainResult
{
    private DrainResult()
    {
    }

    /// <summary>It drains.</summary>
    public sealed record Begun(WorkerDescription Worker) : DrainResult;

    /// <summary>There is no such worker, or not any more.</summary>
    public sealed record Unknown : DrainResult;

    /// <summary>It does not answer: it hangs, or is ending.</summary>
    public sealed record Unanswered(WorkerId Worker) : DrainResult;
}

/// <param name="Name">As requests name it.</param>
/// <param name="MaxLength">Prompt and output tokens together, at most.</param>
public sealed record ModelDescription(string Name, int MaxLength, int VocabularySize);

/// <summary>One engine and its load, as of its last step.</summary>
/// <param name="Fingerprint">Weights, cache type and device kind: equal ones give the same tokens.</param>
public sealed record WorkerDescription(
    WorkerId Id, string Model, string Fingerprint, string Device, WorkerPhase Phase, EngineLoad Load)
{
    /// <summary>Why it has failed, as a sentence; null in the other phases.</summary>
    public string? Failure { get; init; }

    /// <summary>A later life of the same worker has a higher one.</summary>
    public long Incarnation { get; init; }

    /// <summary>How long ago it last spoke.</summary>
    public TimeSpan ReportAge { get; init; }
}

public enum WorkerPhase
{
    Loading,
    Ready,
    Draining,

    /// <summary>Its engine computes nothing any more.</summary>
    Failed,
}

/// <param name="UsedBlocks">Held by sequences.</param>
/// <param name="CachedBlocks">Free, with content that a prefix may still hit.</param>
public readonly record struct EngineLoad(
    int Running, int Waiting, int Preempted, int TotalBlocks, int UsedBlocks, int CachedBlocks, long Step);

/// <param name="Silos">Active members.</param>
/// <param name="Sequences">Those that run or wait, by the gateways that hold their logs.</param>
/// <param name="Copied">Those of them that a worker has a second copy of: their gateway may die.</param>
public sealed record ClusterDescription(
    IReadOnlyList<SiloDescription> Silos, IReadOnlyList<WorkerDescription> Workers, int Sequences, int Copied);

/// <param name="Address">Address, port and generation, which tells two lives of one name apart.</param>
/// <param name="Roles"><c>gateway</c>, <c>worker</c> or both.</param>
public sealed record SiloDescription(string Name, string Address, IReadOnlyList<string> Roles);
