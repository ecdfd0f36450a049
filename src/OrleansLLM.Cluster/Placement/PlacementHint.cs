using Orleans.Runtime.Placement;

namespace OrleansLLM.Cluster;

/// <summary>Where a grain is to live that lives nowhere yet.</summary>
internal static class PlacementHint
{
    /// <param name="silo">Null for where it likes; one that is not there is passed over.</param>
    public static T Call<T>(SiloAddress? silo, Func<T> call)
    {
        if (silo is null)
        {
            return call();
        }

        RequestContext.Set(IPlacementDirector.PlacementHintKey, silo);
        try
        {
            return call();
        }
        finally
        {
            RequestContext.Remove(IPlacementDirector.PlacementHintKey);
        }
    }
}
