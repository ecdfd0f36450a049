namespace OrleansLLM.Cluster;

/// <summary>
/// The one watcher of a gateway's silo: it follows the table of members and the clock, and tells the requests of this silo which workers they have lost. A silo
/// whose own tick comes late was stopped itself: it judges nobody until it has read the table and had time to hear anew. A cluster of one has nobody to watch.
/// </summary>
internal sealed class FleetWatcher(GatewayContext gateway, ClusterFleet fleet, IClusterMembershipService members, SiloDeath? death = null) : ActiveWork
{
    /// <summary>Requests that leave a worker at once which computes them until then: the others go on there, so that each stands still for as long as these take to be computed elsewhere.</summary>
    private const int MostMoving = 8;

    private static readonly TimeSpan MovePatience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(20);

    private Task _parting = Task.CompletedTask;

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
            Part();
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

    /// <summary>What is computed beside its logs goes to another silo, as soon as there is one to go to.</summary>
    private void Part()
    {
        if (_parting.IsCompleted && gateway.Routes.Replaceable is { Count: > 0 } workers)
        {
            _parting = Task.WhenAll(workers.Select(worker => MoveAsync(new LostWorker(worker.Worker, worker.Incarnation, LossCause.Together, "is in the silo that has the logs"))));
        }
    }

    private void TellLosses()
    {
        foreach (var lost in gateway.Watch.TakeLosses())
        {
            _ = MoveAsync(lost);
        }
    }

    private async Task MoveAsync(LostWorker lost)
    {
        var end = new EndReply(FinishReason.Failed, null, $"Worker {lost.Worker} {lost.Why}.");
        var loss = new LossMessage(lost.Incarnation, lost.Cause, end);
        var goesOn = lost.Cause is LossCause.Drains or LossCause.Together;
        var atOnce = new ParallelOptions { MaxDegreeOfParallelism = goesOn ? MostMoving : int.MaxValue };
        await Parallel.ForEachAsync(gateway.Assignments.RequestsOn(lost.Incarnation), atOnce, async (request, _) =>
        {
            await LoseAsync(request, loss).ConfigureAwait(false);
            if (goesOn)
            {
                await GoOnAsync(request).ConfigureAwait(false);
            }
        }).ConfigureAwait(false);
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

    /// <summary>A call that fails, while grains' addresses move away from a silo that died, is repeated: nobody else tells of the loss.</summary>
    private async Task LoseAsync(RequestId request, LossMessage loss)
    {
        while (!await GrainCalls.TryAsync(() => gateway.Silo.SequenceOf(request).Lose(loss)).ConfigureAwait(false)
            && !gateway.Silo.Stopping.IsCancellationRequested && gateway.Assignments.RequestsOn(loss.Incarnation).Contains(request))
        {
            await Task.Delay(SiloPulse.Interval, gateway.Silo.Time).ConfigureAwait(false);
        }
    }
}
