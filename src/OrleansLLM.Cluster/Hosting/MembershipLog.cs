using Microsoft.Extensions.Logging;

namespace OrleansLLM.Cluster;

/// <summary>Says in a silo's log who joins its cluster, leaves it, or is called dead.</summary>
internal sealed partial class MembershipLog(IClusterMembershipService members, ILocalSiloDetails self, ILogger<MembershipLog> logger)
    : ActiveWork
{
    private readonly Dictionary<SiloAddress, SiloStatus> _known = [];

    internal void Look(IEnumerable<ClusterMember> now)
    {
        foreach (var member in now.Where(member => !member.SiloAddress.Equals(self.SiloAddress)))
        {
            var known = _known.GetValueOrDefault(member.SiloAddress);
            _known[member.SiloAddress] = member.Status;
            if (member.Status == SiloStatus.Active && known != SiloStatus.Active)
            {
                LogJoined(member.Name, member.SiloAddress);
            }
            else if (member.Status == SiloStatus.Dead && known == SiloStatus.Active)
            {
                LogDead(member.Name, member.SiloAddress);
            }
            else if (member.Status == SiloStatus.Dead && known is SiloStatus.ShuttingDown or SiloStatus.Stopping)
            {
                LogLeft(member.Name, member.SiloAddress);
            }
        }
    }

    protected override void Begin()
    {
        foreach (var member in members.CurrentSnapshot.Members.Values)
        {
            _known[member.SiloAddress] = member.Status; // said by whoever announces the start
        }
    }

    protected override async Task RunAsync(CancellationToken ending)
    {
        await foreach (var snapshot in members.MembershipUpdates.WithCancellation(ending).ConfigureAwait(false))
        {
            Look(snapshot.Members.Values);
        }
    }

    [LoggerMessage(LogLevel.Information, "Silo {Name} ({Silo}) has joined")]
    private partial void LogJoined(string name, SiloAddress silo);

    [LoggerMessage(LogLevel.Information, "Silo {Name} ({Silo}) has left")]
    private partial void LogLeft(string name, SiloAddress silo);

    [LoggerMessage(LogLevel.Warning, "Silo {Name} ({Silo}) is called dead: it did not answer")]
    private partial void LogDead(string name, SiloAddress silo);
}
