using Microsoft.Extensions.Hosting;
using OrleansLLM.Sequences;

namespace OrleansLLM.Cluster;

/// <summary>This silo and the way to others.</summary>
internal sealed class SiloContext(
    ILocalSiloDetails silo, ISiloStatusOracle silos, IGrainFactory grains, TimeProvider time, IHostApplicationLifetime lifetime, IMembershipTable? members = null)
{
    public string Name => silo.Name;

    public SiloAddress Address => silo.SiloAddress;

    /// <summary>Differs between silos, also between two lives of one: what an <see cref="Epoch"/> is drawn with.</summary>
    public int Drawer => silo.SiloAddress.GetConsistentHashCode();

    public IGrainFactory Grains => grains;

    public TimeProvider Time => time;

    public SiloPulse Pulse { get; } = new(time);

    public IGpuWorkerGrain WorkerOf(WorkerId worker) => grains.GetGrain<IGpuWorkerGrain>(worker.ToString());

    public ISequenceGrain SequenceOf(RequestId request) => grains.GetGrain<ISequenceGrain>(request.ToString());

    /// <summary>Cancelled when this silo is to stop: what waits here for others to come waits no longer.</summary>
    public CancellationToken Stopping => lifetime.ApplicationStopping;

    /// <summary>Whether the table of members has an active silo of that name.</summary>
    public bool IsMember(string name) => silos.GetActiveSilos().Any(address => silos.TryGetSiloName(address, out var found) && found == name);

    /// <summary>This silo as a gateway.</summary>
    public GatewayMessage AsGateway { get; } = new(silo.Name, silo.SiloAddress.ToParsableString());

    /// <summary>Whether the table of members calls the silo at that address dead.</summary>
    public bool IsDead(string address) => silos.IsDeadSilo(SiloAddress.FromParsableString(address));

    /// <summary>Whether the table of members has an active silo at that address.</summary>
    public bool IsActive(string address) => silos.GetApproximateSiloStatus(SiloAddress.FromParsableString(address)) == SiloStatus.Active;

    /// <summary>The only silo, in a cluster that no other one can join.</summary>
    public bool IsAlone => members is MembershipOfOne;
}
