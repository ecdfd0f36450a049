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
            .Select(silo => new ClusterSilo(silos.TryGetSiloName(silo, out var name) ? name : "", silo.Endpoint.ToString(), RolesOf(silo)) { Life = silo.ToParsableString() })
            .OrderBy(silo => silo.Name, StringComparer.Ordinal)];

    /// <summary>Members that hold the logs of sequences.</summary>
    internal IReadOnlyList<GatewayMessage> Gateways =>
        [.. Silos.Where(silo => silo.Name.Length > 0 && silo.Roles.HasFlag(SiloRoles.Gateway)).Select(silo => new GatewayMessage(silo.Name, silo.Life))];

    private SiloRoles RolesOf(SiloAddress silo)
    {
        // A silo hosts only the grain classes of its roles.
        var grains = manifests.Current.Silos.GetValueOrDefault(silo)?.Grains;
        return (grains?.ContainsKey(GatewayMark) == true ? SiloRoles.Gateway : 0) | (grains?.ContainsKey(WorkerMark) == true ? SiloRoles.Worker : 0);
    }
}

/// <param name="Address">Where other silos reach it.</param>
public sealed record ClusterSilo(string Name, string Address, SiloRoles Roles)
{
    /// <summary>The address with the generation, which tells two lives of one name apart.</summary>
    internal string Life { get; init; } = "";

    /// <summary>By their names; none until it is known what the silo hosts.</summary>
    internal SiloDescription Describe() => new(
        Name, Life, [.. new[] { SiloRoles.Gateway, SiloRoles.Worker }.Where(role => Roles.HasFlag(role)).Select(role => role.ToString().ToLowerInvariant())]);
}
