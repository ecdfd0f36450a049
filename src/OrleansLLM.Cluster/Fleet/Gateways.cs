namespace OrleansLLM.Cluster;

/// <summary>The gateways of the cluster: silos that hold the grain class of their sinks, by the table of members.</summary>
internal sealed class Gateways(IClusterManifestProvider manifests, ISiloStatusOracle silos)
{
    private static readonly GrainType Sink = GrainType.Create("gateway-sink");

    public IReadOnlyList<GatewayMessage> All
    {
        get
        {
            var known = manifests.Current.Silos;
            return [.. silos.GetActiveSilos()
                .Where(silo => known.TryGetValue(silo, out var manifest) && manifest.Grains.ContainsKey(Sink))
                .Select(silo => silos.TryGetSiloName(silo, out var name) ? new GatewayMessage(name, silo.ToParsableString()) : null)
                .OfType<GatewayMessage>()];
        }
    }
}
