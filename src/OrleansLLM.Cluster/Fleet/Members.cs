namespace OrleansLLM.Cluster;

/// <summary>The active silos of the cluster by the table of members, and their roles by the grain classes that they hold.</summary>
internal sealed class Members(IClusterManifestProvider manifests, ISiloStatusOracle silos)
{
    private static readonly GrainType Sink = GrainType.Create("gateway-sink");
    private static readonly GrainType Worker = GrainType.Create("worker");

    public IReadOnlyList<GatewayMessage> Gateways => [.. All.Where(silo => silo.Roles.Contains("gateway")).Select(silo => new GatewayMessage(silo.Name, silo.Address))];

    /// <summary>In the order of their names.</summary>
    public IReadOnlyList<SiloDescription> All
    {
        get
        {
            var known = manifests.Current.Silos;
            return [.. silos.GetActiveSilos()
                .Select(silo => silos.TryGetSiloName(silo, out var name) && known.TryGetValue(silo, out var manifest)
                    ? new SiloDescription(name, silo.ToParsableString(), RolesOf(manifest))
                    : null)
                .OfType<SiloDescription>()
                .OrderBy(silo => silo.Name, StringComparer.Ordinal)];
        }
    }

    private static string[] RolesOf(Orleans.Metadata.GrainManifest manifest) =>
    [
        .. manifest.Grains.ContainsKey(Sink) ? ["gateway"] : Array.Empty<string>(),
        .. manifest.Grains.ContainsKey(Worker) ? ["worker"] : Array.Empty<string>(),
    ];
}
