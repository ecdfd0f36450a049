namespace OrleansLLM.Cluster;

/// <summary>Chooses the workers of one model. Key: the model's name.</summary>
[Alias("OrleansLLM.IRouterGrain")]
public interface IRouterGrain : IGrainWithStringKey
{
    /// <summary>A worker's load; its first report makes it known.</summary>
    [Alias("Report")]
    Task Report(WorkerReport report);

    [Alias("Choose")]
    Task<RouteReply> Choose(RouteQuery query);
}
