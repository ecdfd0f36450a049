using Orleans.Configuration;

namespace OrleansLLM.Cluster;

/// <summary>How soon a cluster notices that a silo died (about 1 s), or hangs (about 4 s).</summary>
internal static class MembershipTuning
{
    /// <summary>How often a silo says in the table that it is alive.</summary>
    public static readonly TimeSpan AlivePeriod = TimeSpan.FromSeconds(1);

    public static ISiloBuilder DetectFailuresSoon(this ISiloBuilder silo)
    {
        silo.Configure<ClusterMembershipOptions>(options =>
        {
            options.ProbeTimeout = TimeSpan.FromSeconds(1);
            options.MinProbeTimeout = TimeSpan.FromSeconds(0.5);
            options.MaxProbeTimeout = TimeSpan.FromSeconds(2);
            options.NumMissedProbesLimit = 2;
            options.NumVotesForDeathDeclaration = 2;
            options.TableRefreshTimeout = TimeSpan.FromSeconds(2);
            options.IAmAliveTablePublishTimeout = AlivePeriod;
            options.NumMissedTableIAmAliveLimit = 10;
        });
        silo.Configure<SiloMessagingOptions>(options =>
        {
            options.ResponseTimeout = TimeSpan.FromSeconds(5);
            options.CancelRequestOnTimeout = true;
        });
#pragma warning disable ORLEANSEXP003 // the default directory deactivates healthy grains whose entry a dead silo held
        silo.AddDistributedGrainDirectory();
#pragma warning restore ORLEANSEXP003
        return silo.Configure<GrainDirectoryOptions>(options => options.RangeLeaseDuration = TimeSpan.FromSeconds(1));
    }
}
