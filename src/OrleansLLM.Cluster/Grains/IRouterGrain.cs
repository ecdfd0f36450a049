namespace OrleansLLM.Cluster;

/// <summary>Chooses the workers of one model, so that all gateways agree on what goes where. Key: the model's name.</summary>
[Alias("OrleansLLM.IRouterGrain")]
public interface IRouterGrain : IGrainWithStringKey
{
    [Alias("Choose")]
    Task<RouteReply> Choose(RouteQuery query);
}
