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
    [Alias("AbortAttempts")]
    Task Abort(AttemptId[] attempts);

    [Alias("DescribeAttempt")]
    Task<DescriptionReply?> Describe(AttemptId attempt);
}
