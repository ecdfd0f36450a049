using Microsoft.Extensions.Logging;

namespace OrleansLLM.Cluster;

/// <summary>Says in a silo's log who joins its cluster, leaves it, or is called dead.</summary>
internal sealed partial class MembershipLog(IClusterMembershipService members, ILocalSiloDetails self, ILogger<MembershipLog> logger)
    : ILifecycleParticipant<ISiloLifecycle>, IDisposable
{
    private readonly Dictionary<SiloAddress, SiloStatus> _known = [];
    private readonly CancellationTokenSource _ending = new();
    private Task _watching = Task.CompletedTask;

    public void Participate(ISiloLifecycle lifecycle) => lifecycle.Subscribe(nameof(MembershipLog), ServiceLifecycleStage.Active, StartAsync, StopAsync);

    public void Dispose() => _ending.Dispose();

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

    private Task StartAsync(CancellationToken cancellation)
    {
        foreach (var member in members.CurrentSnapshot.Members.Values)
        {
            _known[member.SiloAddress] = member.Status; // said by whoever announces the start
        }

        _watching = Task.Run(WatchAsync, CancellationToken.None);
        return Task.CompletedTask;
    }

    private async Task StopAsync(CancellationToken cancellation)
    {
        await _ending.CancelAsync().ConfigureAwait(false);
        await _watching.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task WatchAsync()
    {
        await foreach (var snapshot in members.MembershipUpdates.WithCancellation(_ending.Token).ConfigureAwait(false))
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
