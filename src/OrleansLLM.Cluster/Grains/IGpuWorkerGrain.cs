using OrleansLLM.Sequences;

namespace OrleansLLM.Cluster;

/// <summary>The address of one engine. Key: <c>silo/device</c>, pinned to that silo; every call goes to the engine's inbox.</summary>
[Alias("OrleansLLM.IGpuWorkerGrain")]
public interface IGpuWorkerGrain : IGrainWithStringKey
{
    [Alias("Submit")]
    Task<SubmitReply> Submit(AttemptMessage message);

    /// <summary>
    /// Waits for the seat of requests under which a worker was lost, of which one at a time is computed here until its next token; false where it did not
    /// become free in time.
    /// </summary>
    [Alias("TakeSeat")]
    Task<bool> TakeSeat(SequenceId sequence);

    /// <summary>The position of the first token that it holds for; null where the attempt is not there.</summary>
    [Alias("ChangeAttempt")]
    Task<int?> Change(AttemptChangeMessage message);

    /// <summary>Drops attempts, and older ones at their sequences, and frees their blocks within one step, of which nobody is told.</summary>
    [Alias("EndAttempts")]
    Task Abort(AttemptEndMessage[] ends, GatewayMessage from);

    /// <summary>What is here of a sequence's request, running or ended.</summary>
    [Alias("GetCopies")]
    Task<CopyMessage[]> GetCopies(SequenceId sequence);

    /// <summary>What the new gateway lacks, as <see cref="StepFormat"/> writes it; what follows comes to its sink.</summary>
    [Alias("Redirect")]
    Task<byte[]> Redirect(RedirectMessage message);

    /// <summary>Has the worker's process end as by a signal; null where no engine is attached.</summary>
    [Alias("Drain")]
    Task<WorkerReport?> Drain();

    [Alias("DescribeAttempt")]
    Task<DescriptionReply?> Describe(AttemptId attempt);
}
