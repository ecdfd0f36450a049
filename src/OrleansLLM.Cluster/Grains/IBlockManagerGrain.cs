namespace OrleansLLM.Cluster;

/// <summary>
/// The cluster's face of one worker's block pool. Key: the worker's. Counts come from the snapshot of the engine's last step, the rest
/// goes to its inbox.
/// </summary>
[Alias("OrleansLLM.IBlockManagerGrain")]
public interface IBlockManagerGrain : IGrainWithStringKey
{
    /// <summary>Null while no engine is attached.</summary>
    [Alias("GetLoad")]
    Task<LoadMessage?> GetLoad();

    /// <summary>Tokens of the prompt that are cached now: a hint, they may be gone when a request for them is admitted.</summary>
    [Alias("MatchPrefix")]
    Task<int> MatchPrefix(PrefixQuery query);

    /// <summary>Children share the blocks of [0, at) until one of them writes.</summary>
    [Alias("Fork")]
    Task<SubmitReply> Fork(ForkMessage message);
}
