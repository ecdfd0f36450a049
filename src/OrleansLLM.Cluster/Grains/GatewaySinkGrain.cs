using Orleans.Placement;

namespace OrleansLLM.Cluster;

/// <inheritdoc cref="IGatewaySinkGrain"/>
[GrainType("gateway-sink"), PinnedPlacement, Immovable, KeepAlive]
internal sealed class GatewaySinkGrain(GatewayContext gateway) : Grain, IGatewaySinkGrain
{
    private readonly Arrivals _arrivals = new(gateway);

    public Task OnStep(StepMessage message)
    {
        _arrivals.Take(message);
        return Task.CompletedTask;
    }

    public Task<CountReply> Count() => Task.FromResult(gateway.Assignments.Count(gateway.Silo.Name, gateway.Watch.HasDied));

    public Task OnReport(ReportMessage message)
    {
        _arrivals.Take(message);
        return Task.CompletedTask;
    }
}
