namespace OrleansLLM.Cluster;

/// <summary>
/// Life and control of one request's sequences. Key: the request's id. It lives beside the logs that its tokens go to: in the silo of the gateway that took the
/// request, or in another gateway's where that one computes it.
/// </summary>
[Alias("OrleansLLM.ISequenceGrain")]
public interface ISequenceGrain : IGrainWithStringKey
{
    /// <summary>Takes a journal in which nothing is published yet; the same request twice is the same group.</summary>
    /// <param name="chosen">The worker, where the caller has asked for one.</param>
    [Alias("SubmitTo")]
    Task<SubmitReply> Submit(JournalMessage message, RouteReply? chosen);

    [Alias("Fork")]
    Task<SubmitReply> Fork(SequenceId sequence, int at, int count);

    /// <summary>The position of the first token that it holds for; null where the sequence has ended.</summary>
    [Alias("Change")]
    Task<int?> Change(ChangeMessage message);

    [Alias("Finish")]
    Task<bool> Finish(SequenceId sequence, int at, FinishReason reason);

    /// <summary>Ends one sequence that nobody reads any more.</summary>
    [Alias("Abandon")]
    Task Abandon(SequenceId sequence);

    [Alias("Cancel")]
    Task Cancel();

    /// <summary>A worker computes something of it no longer; completes when others go on.</summary>
    [Alias("Lose")]
    Task Lose(LossMessage loss);

    /// <summary>Null where it is not known here.</summary>
    [Alias("Find")]
    Task<KnownReply?> Find();

    /// <summary>
    /// For a reader in another silo: what stands from a position on, or an empty range without an end where nothing comes for a while; null where the
    /// sequence is not known. The reader comes again until it has read the end, or says that it leaves.
    /// </summary>
    [Alias("ReadFrom")]
    Task<RangeReply?> Read(SequenceId sequence, int from, Guid reader);

    /// <summary>A reader in another silo is still there, however slow its client is, or leaves.</summary>
    /// <param name="leaving">Null where it stays; else the sequence is held for so long at least, where not its client has left, but the gateway does.</param>
    [Alias("Attend")]
    Task Attend(Guid reader, TimeSpan? leaving);

    /// <summary>Goes on with a dead gateway's request from the workers' copies; false where it should be asked again.</summary>
    [Alias("Adopt")]
    Task<bool> Adopt(WorkerId offeredBy);

    /// <summary>Its last log is forgotten.</summary>
    [Alias("Forget")]
    Task Forget();

    [Alias("Describe")]
    Task<DescriptionReply?> Describe(SequenceId sequence);
}
