namespace OrleansLLM.Cluster;

/// <summary>
/// Gives the requests of a gateway that the table of members calls dead to one that lives, again and again until one has them. Until the table says so
/// their entries are kept and the calls repeated.
/// </summary>
/// <param name="routes">Where this silo is a gateway, too: another one comes before it.</param>
internal sealed class Adopter(LocalWorkers workers, SiloContext silo, IClusterMembershipService members, Routes? routes = null) : ActiveWork
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);
    private static readonly ParallelOptions AtOnce = new() { MaxDegreeOfParallelism = 32 };

    private readonly HashSet<SiloAddress> _seen = [];

    protected override async Task RunAsync(CancellationToken ending)
    {
        if (silo.IsAlone)
        {
            return;
        }

        await foreach (var snapshot in members.MembershipUpdates.WithCancellation(ending).ConfigureAwait(false))
        {
            foreach (var dead in snapshot.Members.Values.Where(member => member.Status == SiloStatus.Dead && _seen.Add(member.SiloAddress)))
            {
                _ = OfferAsync(dead.SiloAddress.ToParsableString(), ending);
            }
        }
    }

    private async Task OfferAsync(string gateway, CancellationToken ending)
    {
        while (!ending.IsCancellationRequested)
        {
            var offers = workers.All.SelectMany(worker => worker.Copies?.RequestsOf(gateway).Select(request => (worker.Id, Request: request)) ?? []).ToList();
            if (offers.Count == 0)
            {
                break;
            }

            // Where no gateway is there, or that one dies, too, it is offered again.
            await Parallel.ForEachAsync(offers, AtOnce, async (offer, _) =>
                await GrainCalls.TryAsync(() => AdoptAsync(offer.Request, offer.Id), false).ConfigureAwait(false)).ConfigureAwait(false);
            await Task.Delay(Pause, silo.Time, ending).ConfigureAwait(false);
        }

        foreach (var worker in workers.All)
        {
            worker.Close(gateway);
        }
    }

    private Task<bool> AdoptAsync(RequestId request, WorkerId worker) =>
        PlacementHint.Call(routes?.AnotherGateway(request), () => silo.SequenceOf(request).Adopt(worker));
}
