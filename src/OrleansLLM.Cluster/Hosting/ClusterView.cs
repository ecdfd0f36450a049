namespace OrleansLLM.Cluster;

/// <summary>The cluster as this silo sees it now. Thread-safe; asks nobody.</summary>
public sealed class ClusterView(ISiloStatusOracle silos, IClusterManifestProvider manifests, ILocalSiloDetails self)
{
    private static readonly GrainType GatewayMark = GrainType.Create("sequence");
    private static readonly GrainType WorkerMark = GrainType.Create("worker");

    /// <summary>This silo's name.</summary>
    public string Name => self.Name;

    /// <summary>Where other silos reach this one.</summary>
    public string Address => self.SiloAddress.Endpoint.ToString();

    /// <summary>This silo is a member that takes calls.</summary>
    public bool IsJoined => silos.CurrentStatus == SiloStatus.Active;

    /// <summary>Members that take calls, by name. One that has just joined has no roles until it is known what it hosts.</summary>
    public IReadOnlyList<ClusterSilo> Silos =>
        [.. silos.GetActiveSilos()
            .Select(silo => new ClusterSilo(silos.TryGetSiloName(silo, out var name) ? name : "", silo.Endpoint.ToString(), RolesOf(silo)))
            .OrderBy(silo => silo.Name, StringComparer.Ordinal)];

    private SiloRoles RolesOf(SiloAddress silo)
    {
        // A silo hosts only the grain classes of its roles.
        var grains = manifests.Current.Silos.GetValueOrDefault(silo)?.Grains;
        return (grains?.ContainsKey(GatewayMark) == true ? SiloRoles.Gateway : 0) | (grains?.ContainsKey(WorkerMark) == true ? SiloRoles.Worker : 0);
    }
}

/// <param name="Address">Where other silos reach it.</param>
public sealed record ClusterSilo(string Name, string Address, SiloRoles Roles);
