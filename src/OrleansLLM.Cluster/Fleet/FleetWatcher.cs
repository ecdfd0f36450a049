namespace OrleansLLM.Cluster;

/// <summary>
/// The one watcher of a gateway's silo: it follows the table of members and the clock, and tells the requests of this silo which workers they have lost. A silo
/// whose own tick comes late was stopped itself: it judges nobody until it has read the table and had time to hear anew. A cluster of one has nobody to watch.
/// </summary>
internal sealed class FleetWatcher(GatewayContext gateway, ClusterFleet fleet, IClusterMembershipService members, SiloDeath? death = null) : ActiveWork
{
    /// <summary>Requests that leave a draining worker at once: the others go on there, so that each stands still for as long as these take to be computed elsewhere.</summary>
    private const int MostMoving = 8;

    private static readonly TimeSpan MovePatience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(20);

    protected override void Begin()
    {
        if (!gateway.Silo.IsAlone)
        {
            // Connections are closed before the silo is: their streams go on in another one.
            gateway.Silo.Stopping.Register(() => gateway.Logs.LingerAtLeast(Adoption.Linger));
        }
    }

    protected override Task RunAsync(CancellationToken ending) =>
        gateway.Silo.IsAlone ? Task.CompletedTask : Task.WhenAll(WatchClockAsync(ending), WatchMembersAsync(ending));

    private async Task WatchClockAsync(CancellationToken ending)
    {
        using var timer = new PeriodicTimer(SiloPulse.Interval, gateway.Silo.Time);
        while (await timer.WaitForNextTickAsync(ending).ConfigureAwait(false))
        {
            if (gateway.Silo.Pulse.HasStopped)
            {
                // A store that is away calls nobody dead.
                await members.Refresh(default, ending).AsTask().WaitAsync(FleetWatch.LostAfter, ending).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                if (death?.Declared.IsCompleted == true)
                {
                    return; // its process ends, and takes in nothing before
                }

                gateway.Watch.Pardon();
            }

            gateway.Silo.Pulse.Beat();
            fleet.Look();
            gateway.Metrics.Announce(gateway.Watch.Reports);
            gateway.Watch.Judge();
            TellLosses();
        }
    }

    private async Task WatchMembersAsync(CancellationToken ending)
    {
        await foreach (var snapshot in members.MembershipUpdates.WithCancellation(ending).ConfigureAwait(false))
        {
            foreach (var member in snapshot.Members.Values.Where(member => member.Status == SiloStatus.Dead))
            {
                gateway.Watch.Bury(member.SiloAddress);
            }

            TellLosses();
        }
    }

    private void TellLosses()
    {
        foreach (var lost in gateway.Watch.TakeLosses())
        {
            var end = new EndReply(FinishReason.Failed, null, $"Worker {lost.Worker} {lost.Why}.");
            var loss = new LossMessage(lost.Incarnation, lost.Cause, end);
            var atOnce = new ParallelOptions { MaxDegreeOfParallelism = lost.Cause == LossCause.Drains ? MostMoving : int.MaxValue };
            _ = Parallel.ForEachAsync(gateway.Assignments.RequestsOn(lost.Incarnation), atOnce, async (request, _) =>
            {
                await gateway.Silo.SequenceOf(request).Lose(loss).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                if (lost.Cause == LossCause.Drains)
                {
                    await GoOnAsync(request).ConfigureAwait(false);
                }
            });
        }
    }

    /// <summary>Until each of its sequences has its next token, has ended, or takes too long.</summary>
    private async Task GoOnAsync(RequestId request)
    {
        var began = gateway.Silo.Time.GetTimestamp();
        var known = (gateway.Logs.Find(request) ?? []).Select(id => (Id: id, gateway.Logs.Describe(id)?.Tokens)).ToList();
        while (known.Exists(sequence => gateway.IsRunning(sequence.Id) && gateway.Logs.Describe(sequence.Id)?.Tokens == sequence.Tokens)
            && gateway.Silo.Time.GetElapsedTime(began) < MovePatience)
        {
            await Task.Delay(Glance, gateway.Silo.Time).ConfigureAwait(false);
        }
    }
}
