namespace OrleansLLM.Cluster;

/// <summary>Where the tokens for one gateway arrive, and what workers say of themselves. Key: the gateway's silo name, pinned there.</summary>
[Alias("OrleansLLM.IGatewaySinkGrain")]
public interface IGatewaySinkGrain : IGrainWithStringKey
{
    /// <summary>Appends to the logs of this silo; a worker awaits it before it sends the next.</summary>
    [Alias("OnStep")]
    Task OnStep(StepMessage message);

    /// <summary>How a worker is, and what it holds of this gateway's sequences.</summary>
    [Alias("OnReport")]
    Task OnReport(ReportMessage message);

    /// <summary>How many sequences the gateway holds the logs of.</summary>
    [Alias("Count")]
    Task<CountReply> Count();
}
