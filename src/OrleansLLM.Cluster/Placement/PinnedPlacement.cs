using Orleans.Placement;
using Orleans.Runtime.Placement;
using static System.FormattableString;

namespace OrleansLLM.Cluster;

/// <summary>A grain that lives in the silo that its key names: <c>silo</c>, or <c>silo/device</c>.</summary>
[GenerateSerializer, Immutable, Alias("OrleansLLM.PinnedPlacement")]
public sealed class PinnedPlacement : PlacementStrategy
{
    internal static readonly PinnedPlacement Instance = new();
}

[AttributeUsage(AttributeTargets.Class)]
public sealed class PinnedPlacementAttribute() : PlacementAttribute(PinnedPlacement.Instance);

/// <summary>Finds the silo by its name, of several the one that started last; one that is not there is an error at once, not a wait.</summary>
internal sealed class PinnedPlacementDirector(ISiloStatusOracle silos) : IPlacementDirector
{
    public Task<SiloAddress> OnAddActivation(PlacementStrategy strategy, PlacementTarget target, IPlacementContext context)
    {
        var key = target.GrainIdentity.Key.ToString()!;
        var name = WorkerKey.SiloOf(key);
        var youngest = context.GetCompatibleSilos(target)
            .Where(silo => silos.TryGetSiloName(silo, out var found) && found == name)
            .MaxBy(silo => silo.Generation);
        return youngest is not null ? Task.FromResult(youngest) : throw new SiloUnavailableException(Invariant($"No active silo named '{name}' can hold {target.GrainIdentity}: it stopped, or has not joined yet."));
    }
}
