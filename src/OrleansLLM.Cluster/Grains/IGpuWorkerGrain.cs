namespace OrleansLLM.Cluster;

/// <summary>The address of one engine. Key: <c>silo/device</c>, pinned to that silo; every call goes to the engine's inbox.</summary>
[Alias("OrleansLLM.IGpuWorkerGrain")]
public interface IGpuWorkerGrain : IGrainWithStringKey
{
    /// <summary>Called when an engine was attached or begins to drain: the router learns of it at once.</summary>
    [Alias("Announce")]
    Task Announce();

    [Alias("Submit")]
    Task<SubmitReply> Submit(AttemptMessage message);

    /// <summary>The position of the first token that it holds for; null where the sequence is not there.</summary>
    [Alias("Change")]
    Task<int?> Change(ChangeMessage message);

    /// <summary>Drops sequences and frees their blocks within one step, of which nobody is told; always true.</summary>
    [Alias("Abort")]
    Task<bool> Abort(SequenceId[] sequences);

    [Alias("DescribeSequence")]
    Task<DescriptionReply?> Describe(SequenceId sequence);

    /// <summary>Null while no engine is attached.</summary>
    [Alias("GetReport")]
    Task<WorkerReport?> GetReport();
}
