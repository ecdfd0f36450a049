namespace OrleansLLM.Cluster;

/// <summary>The gateways of the cluster: silos that hold the grain class of their sinks, by the table of members.</summary>
internal sealed class Gateways(IClusterManifestProvider manifests, ISiloStatusOracle silos)
{
    private static readonly GrainType Sink = GrainType.Create("gateway-sink");

    public IReadOnlyList<string> Names
    {
        get
        {
            var known = manifests.Current.Silos;
            return [.. silos.GetActiveSilos()
                .Where(silo => known.TryGetValue(silo, out var manifest) && manifest.Grains.ContainsKey(Sink))
                .Select(silo => silos.TryGetSiloName(silo, out var name) ? name : null)
                .OfType<string>()];
        }
    }
}
