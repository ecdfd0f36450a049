using Microsoft.Extensions.Logging;

namespace OrleansLLM.Cluster;

/// <summary>
/// Before a silo joins, it declares dead whom a crash left behind as active: Orleans would wait for an answer from each of them. It also refuses
/// to join under the name of a living member. Promises: a member that still says that it is alive is never declared dead, however far the
/// clocks of two machines are apart; while the table can't be read nobody is judged.
/// </summary>
internal sealed partial class StaleMemberReaper(
    IMembershipTable table, IClusterMembershipService members, ILocalSiloDetails self, TimeProvider time, ILogger<StaleMemberReaper> logger)
    : ILifecycleParticipant<ISiloLifecycle>
{
    /// <summary>Members say that they are alive every <see cref="MembershipTuning.AlivePeriod"/>.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(4);

    public static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    public void Participate(ISiloLifecycle lifecycle) =>
        lifecycle.Subscribe(nameof(StaleMemberReaper), ServiceLifecycleStage.AfterRuntimeGrainServices, ReapAsync);

    /// <summary>Comes back when all active members are known to be alive.</summary>
    /// <exception cref="SiloStartException">One of them has this silo's name.</exception>
    internal async Task ReapAsync(CancellationToken cancellation)
    {
        var watch = new AliveWatch(Limit, longestGap: 2 * Pause);
        long? looked = null;
        while (true)
        {
            var others = await ReadOthersAsync(cancellation).ConfigureAwait(false);
            if (looked is null && others.Count > 0)
            {
                LogLooking(others.Count);
            }

            var now = time.GetTimestamp();
            watch.Look([.. others.Select(row => (row.SiloAddress, row.IAmAliveTime))], looked is { } last ? time.GetElapsedTime(last, now) : TimeSpan.Zero);
            looked = now;
            RefuseNameOf(others.Where(row => watch.Alive.Contains(row.SiloAddress)));
            if (watch.IsDecided && watch.Stale.Count == 0)
            {
                await members.Refresh(default, cancellation).ConfigureAwait(false);
                return;
            }

            foreach (var row in others.Where(row => watch.Stale.Contains(row.SiloAddress)))
            {
                LogStale(row.SiloName, row.SiloAddress, Limit.TotalSeconds);
                await members.TryKill(row.SiloAddress).ConfigureAwait(false);
            }

            await Task.Delay(Pause, time, cancellation).ConfigureAwait(false);
        }
    }

    private async Task<List<MembershipEntry>> ReadOthersAsync(CancellationToken cancellation)
    {
        var rows = await table.ReadAllAsync(cancellation).ConfigureAwait(false);
        return [.. rows.Members.Select(row => row.Item1).Where(row => row.Status == SiloStatus.Active && !row.SiloAddress.Equals(self.SiloAddress))];
    }

    private void RefuseNameOf(IEnumerable<MembershipEntry> living)
    {
        if (living.FirstOrDefault(row => row.SiloName == self.Name) is { } namesake)
        {
            throw new SiloStartException($"A silo named {self.Name} is in the cluster already, at {namesake.SiloAddress.Endpoint}: give this one another name with --name, or stop that one first.");
        }
    }

    [LoggerMessage(LogLevel.Information, "Joining: looking which of {Count} active members are still alive")]
    private partial void LogLooking(int count);

    [LoggerMessage(LogLevel.Warning, "Silo {Name} ({Silo}) has not said for {Seconds} s that it is alive: it is declared dead")]
    private partial void LogStale(string name, SiloAddress silo, double seconds);
}
