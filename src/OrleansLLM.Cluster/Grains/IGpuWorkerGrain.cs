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

    [Alias("Change")]
    Task<bool> Change(ChangeMessage message);

    /// <summary>Ends sequences and frees their blocks within one step; always true.</summary>
    [Alias("End")]
    Task<bool> End(SequenceId[] sequences);

    [Alias("DescribeSequence")]
    Task<DescriptionReply?> Describe(SequenceId sequence);

    /// <summary>Null while no engine is attached.</summary>
    [Alias("GetReport")]
    Task<WorkerReport?> GetReport();
}
