namespace OrleansLLM.Cluster;

/// <summary>
/// Where a request is computed, and in which gateway's silo its grain and logs live. Promises: where there is another gateway, not in the silo that computes it, so that
/// no one death takes both copies of a sequence; a silo that computes nothing, or is the only gateway, chooses workers and nothing else.
/// </summary>
/// <param name="local">The engines of this silo, where it is a worker, too.</param>
internal sealed class Routes(Router router, FleetWatch watch, SiloContext silo, ClusterView cluster, LocalWorkers? local = null)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(250);

    /// <summary>This silo's workers whose sequences could as well be computed in another one, where there is another gateway.</summary>
    public IReadOnlyList<WorkerReport> Replaceable
    {
        get
        {
            if (Own() is not { Length: > 0 } own || OtherGateways().Count == 0)
            {
                return [];
            }

            var choosable = watch.Choosable;
            return [.. choosable.Where(report => own.Contains(report.Incarnation) && choosable.Any(other => CanReplace(other, report)))];
        }
    }

    /// <summary>Where a new request goes that came to this silo.</summary>
    public ValueTask<Place> PlaceAsync(GenerationRequest request) =>
        AnotherGateway(request.Id) is { } other ? new(PlaceAsync(request, other)) : default;

    /// <summary>
    /// Where this silo computes, the gateway's silo for what it computes of that request: the same as long as the same gateways are there. Null without another one.
    /// </summary>
    public SiloAddress? AnotherGateway(RequestId request) => Own().Length > 0 && OtherGateways() is { Count: > 0 } others
        ? SiloAddress.FromParsableString(others[(int)(request.Lower % (uint)others.Count)].Address)
        : null;

    /// <summary>The worker for sequences whose logs are here: one of another silo, where there is another gateway and it has the fingerprint that is asked for.</summary>
    public async Task<RouteReply> ChooseAsync(GenerationRequest request, IReadOnlyList<long> excluded, string fingerprint)
    {
        if (Own() is { Length: > 0 } own && OtherGateways().Count > 0)
        {
            var apart = await ChooseAnyAsync(request, [.. excluded, .. own], fingerprint);
            if (apart.Worker is not null && (fingerprint.Length == 0 || apart.Fingerprint == fingerprint))
            {
                return apart;
            }
        }

        return await ChooseAnyAsync(request, excluded, fingerprint);
    }

    private async Task<Place> PlaceAsync(GenerationRequest request, SiloAddress other)
    {
        var route = await ChooseAnyAsync(request, [], "");
        return route.Worker is not { } worker ? default : new Place(route, worker.Silo == silo.Name ? other : null);
    }

    private async Task<RouteReply> ChooseAnyAsync(GenerationRequest request, IReadOnlyList<long> excluded, string fingerprint)
    {
        var query = RouteQuery.For(request, excluded, fingerprint);
        var unanswered = new RouteReply(null, RefusalReason.Unavailable, "");
        var grain = silo.Grains.GetGrain<IRouterGrain>(request.Model);
        var route = await GrainCalls.TryAsync(() => grain.Choose(query).WaitAsync(Patience, silo.Time), unanswered);
        return route.Worker is null ? router.Choose(request.Model, query) : route;
    }

    private long[] Own() => local is null || silo.IsAlone ? [] : [.. local.All.Select(worker => worker.Incarnation)];

    private List<GatewayMessage> OtherGateways() => [.. cluster.Gateways.Where(gateway => gateway.Address != silo.AsGateway.Address && !watch.IsSilent(gateway.Address))];

    private bool CanReplace(WorkerReport other, WorkerReport own) =>
        other.Worker.Silo != silo.Name && other.Load.Waiting == 0 && other.Model.Name == own.Model.Name && other.Model.Fingerprint == own.Model.Fingerprint
        && other.Model.MaxLength >= own.Model.MaxLength && other.Model.CacheTokens >= own.Model.CacheTokens;
}

/// <summary>Where a request goes.</summary>
/// <param name="Route">To the worker that is chosen already; null where that is left to the request's grain.</param>
/// <param name="Gateway">Where grain and logs live; null for this silo.</param>
internal readonly record struct Place(RouteReply? Route, SiloAddress? Gateway);
