using Orleans.Concurrency;
using Orleans.Placement;

namespace OrleansLLM.Cluster;

/// <inheritdoc cref="IRouterGrain"/>
[GrainType("router"), PreferLocalPlacement, KeepAlive, Reentrant]
internal sealed class RouterGrain(Router router) : Grain, IRouterGrain
{
    public Task<RouteReply> Choose(RouteQuery query) => Task.FromResult(router.Choose(this.GetPrimaryKeyString(), query));
}
