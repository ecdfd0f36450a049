namespace OrleansLLM.Cluster;

/// <summary>
/// Gives the requests of a gateway that the table of members calls dead to one that lives, again and again until one has them. Until the table says so
/// their entries are kept and the calls repeated.
/// </summary>
internal sealed class Adopter(LocalWorkers workers, SiloContext silo, IClusterMembershipService members) : ILifecycleParticipant<ISiloLifecycle>, IDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);
    private static readonly ParallelOptions AtOnce = new() { MaxDegreeOfParallelism = 32 };

    private readonly CancellationTokenSource _ending = new();
    private readonly HashSet<SiloAddress> _seen = [];
    private Task _watching = Task.CompletedTask;

    public void Participate(ISiloLifecycle lifecycle) => lifecycle.Subscribe(
        nameof(Adopter),
        ServiceLifecycleStage.Active,
        _ =>
        {
            _watching = silo.IsAlone ? Task.CompletedTask : Task.Run(WatchAsync, CancellationToken.None);
            return Task.CompletedTask;
        },
        async _ =>
        {
            await _ending.CancelAsync().ConfigureAwait(false);
            await _watching.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        });

    public void Dispose() => _ending.Dispose();

    private async Task WatchAsync()
    {
        await foreach (var snapshot in members.MembershipUpdates.WithCancellation(_ending.Token).ConfigureAwait(false))
        {
            foreach (var dead in snapshot.Members.Values.Where(member => member.Status == SiloStatus.Dead && _seen.Add(member.SiloAddress)))
            {
                _ = OfferAsync(dead.SiloAddress.ToParsableString());
            }
        }
    }

    private async Task OfferAsync(string gateway)
    {
        foreach (var worker in workers.All)
        {
            worker.Close(gateway);
        }

        while (!_ending.IsCancellationRequested)
        {
            var offers = workers.All.SelectMany(worker => worker.Copies?.RequestsOf(gateway).Select(request => (worker.Id, Request: request)) ?? []).ToList();
            if (offers.Count == 0)
            {
                return;
            }

            await Parallel.ForEachAsync(offers, AtOnce, async (offer, _) => await OfferAsync(offer.Id, offer.Request).ConfigureAwait(false)).ConfigureAwait(false);
            await Task.Delay(Pause, silo.Time).ConfigureAwait(false);
        }
    }

    private async Task OfferAsync(WorkerId worker, RequestId request)
    {
        try
        {
            await silo.Grains.GetGrain<ISequenceGrain>(request.ToString()).Adopt(worker).ConfigureAwait(false);
        }
#pragma warning disable CA1031 // no gateway is there, or this one dies, too: it is offered again
        catch (Exception)
#pragma warning restore CA1031
        {
        }
    }
}
