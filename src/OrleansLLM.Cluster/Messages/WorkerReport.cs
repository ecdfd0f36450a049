using OrleansLLM.Sequences;

namespace OrleansLLM.Cluster;

/// <summary>What a worker tells its model's router: who it is, and its load as of its last step.</summary>
/// <param name="Incarnation">A worker that starts again has a higher one, and an empty cache.</param>
/// <param name="Number">Counts a worker's reports: messages may overtake each other, and the latest word counts.</param>
/// <param name="Progress">The engine's count of layers, steps and idle seconds: one that stands still belongs to a worker that hangs.</param>
/// <param name="Failure">Why the worker has failed, as a sentence; null in the other phases.</param>
/// <param name="Silo">The address of its silo as text: the table of members knows silos by their addresses.</param>
[GenerateSerializer, Immutable, Alias("OrleansLLM.WorkerReport")]
public sealed record WorkerReport(
    [property: Id(0)] WorkerId Worker,
    [property: Id(1)] long Incarnation,
    [property: Id(2)] ServedModelMessage Model,
    [property: Id(3)] WorkerPhase Phase,
    [property: Id(4)] LoadMessage Load,
    [property: Id(5)] long Progress,
    [property: Id(6)] long Number,
    [property: Id(7)] string? Failure = null,
    [property: Id(8)] string? Silo = null)
{
    public WorkerDescription ToDescription() =>
        new(Worker, Model.Name, Model.Fingerprint, Model.Device, Phase, Load.ToLoad()) { Failure = Failure };
}

/// <summary>What a worker tells one gateway: itself, and what it holds of that gateway's sequences.</summary>
[GenerateSerializer, Immutable, Alias("OrleansLLM.ReportMessage")]
public sealed record ReportMessage(
    [property: Id(0)] WorkerReport Worker, [property: Id(1)] AttemptId[] Running, [property: Id(2)] AttemptId[] Waiting);

/// <param name="MaxLength">Tokens of prompt and output together.</param>
/// <param name="CacheTokens">Tokens that the worker's block pool holds.</param>
[GenerateSerializer, Immutable, Alias("OrleansLLM.ServedModelMessage")]
public sealed record ServedModelMessage(
    [property: Id(0)] string Name,
    [property: Id(1)] int MaxLength,
    [property: Id(2)] int VocabularySize,
    [property: Id(3)] string Fingerprint,
    [property: Id(4)] string Device,
    [property: Id(5)] int CacheTokens)
{
    public ModelDescription ToDescription() => new(Name, MaxLength, VocabularySize);
}

/// <summary>An <see cref="EngineLoad"/> on its way.</summary>
[GenerateSerializer, Immutable, Alias("OrleansLLM.LoadMessage")]
public sealed record LoadMessage(
    [property: Id(0)] int Running,
    [property: Id(1)] int Waiting,
    [property: Id(2)] int Preempted,
    [property: Id(3)] int TotalBlocks,
    [property: Id(4)] int UsedBlocks,
    [property: Id(5)] int CachedBlocks,
    [property: Id(6)] long Step)
{
    public static LoadMessage From(in EngineLoad load) =>
        new(load.Running, load.Waiting, load.Preempted, load.TotalBlocks, load.UsedBlocks, load.CachedBlocks, load.Step);

    public EngineLoad ToLoad() => new(Running, Waiting, Preempted, TotalBlocks, UsedBlocks, CachedBlocks, Step);
}
