using System.Runtime.CompilerServices;

namespace OrleansLLM.Cluster;

/// <summary>
/// Sequences whose logs another gateway's silo has. While a member of the cluster died lately, or can't be reached, what is not known may still be
/// adopted: it is looked for again, for <see cref="Patience"/> at most, unless all workers say that they hold nothing of it.
/// </summary>
internal sealed class RemoteSequences(SiloContext silo, FleetWatch watch, ClusterView cluster, Routes routes)
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    /// <summary>How long a reader that leaves waits for the other gateway: for what it was given as new, as nobody else is, and until it counts no more.</summary>
    private static readonly TimeSpan Farewell = TimeSpan.FromSeconds(2);

    /// <summary>How often a reader that does not come again, as its client is slow, says that it is there: well within <see cref="Adoption.Linger"/>.</summary>
    private static readonly TimeSpan WordEvery = TimeSpan.FromSeconds(10);

    /// <summary>Submits at the gateway of its place, or here where that one dies meanwhile.</summary>
    public async Task<SubmitReply> SubmitAsync(RequestId request, JournalMessage journal, Place place, CancellationToken cancellation)
    {
        Func<ISequenceGrain, Task<SubmitReply?>> submit = async grain => await PlacementHint.Call(place.Gateway, () => grain.Submit(journal, place.Route)).ConfigureAwait(false);
        return await AskAsync(request, submit, wasKnown: false, cancellation).ConfigureAwait(false)
            ?? SubmitReply.Refuse(RefusalReason.Unavailable, "The gateway that was to hold its answer can't be reached.");
    }

    public async Task<KnownRequest?> FindAsync(RequestId request, CancellationToken cancellation) =>
        (await AskAsync(request, grain => grain.Find(), wasKnown: false, cancellation).ConfigureAwait(false))?.ToKnown();

    /// <exception cref="UnknownSequenceException">No gateway has it.</exception>
    public async IAsyncEnumerable<TokenRange> ReadAsync(SequenceId sequence, int from, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var reader = Guid.NewGuid();
        await using var leaving = cancellation.UnsafeRegister(_ => LeaveAsync(sequence.Request, reader), null).ConfigureAwait(false);
        await using var staying = silo.Time.CreateTimer(_ => silo.SequenceOf(sequence.Request).Attend(reader, leaving: null).Ignore(), null, WordEvery, WordEvery).ConfigureAwait(false);
        var (wasKnown, isOver) = (false, false);
        try
        {
            while (!isOver)
            {
                var next = from;
                var reply = await AskAsync(sequence.Request, grain => grain.Read(sequence, next, reader), wasKnown, cancellation).ConfigureAwait(false);
                (wasKnown, isOver) = (true, reply is null or { End: not null });
                var range = reply?.ToRange() ?? throw new UnknownSequenceException(sequence);
                from = range.Start + range.Ids.Length;
                if (range.Ids.Length > 0 || isOver)
                {
                    yield return range;
                }

                cancellation.ThrowIfCancellationRequested();
            }
        }
        finally
        {
            if (!isOver)
            {
                await LeaveAsync(sequence.Request, reader).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Where this silo is to stop, the streams of its clients go on in another one.</summary>
    private Task LeaveAsync(RequestId request, Guid reader)
    {
        var linger = silo.Stopping.IsCancellationRequested ? Adoption.Linger : TimeSpan.Zero;
        return GrainCalls.TryAsync(() => silo.SequenceOf(request).Attend(reader, linger).WaitAsync(Farewell, silo.Time));
    }

    /// <param name="wasKnown">A moment ago: what is not known now is on its way from a gateway that died to another one.</param>
    private async Task<T?> AskAsync<T>(RequestId request, Func<ISequenceGrain, Task<T?>> ask, bool wasKnown, CancellationToken cancellation)
        where T : class
    {
        var began = silo.Time.GetTimestamp();
        SiloAddress? home = null;
        while (true)
        {
            var (answer, isHeard) = await TryAskAsync(() => PlacementHint.Call(home, () => ask(silo.SequenceOf(request))), cancellation).ConfigureAwait(false);
            if (answer is not null || (isHeard && !wasKnown && !(watch.HasDiedLately && await MayBeAdoptedAsync(request).ConfigureAwait(false)))
                || silo.Time.GetElapsedTime(began) > Patience)
            {
                return answer;
            }

            home = routes.AnotherGateway(request);
            await Task.Delay(Pause, silo.Time, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Whether a worker holds something of it, or one can't be asked.</summary>
    private async Task<bool> MayBeAdoptedAsync(RequestId request)
    {
        var workers = watch.Reports.Select(report => report.Worker).ToList();
        if (cluster.Silos.Any(member => member.Roles is 0 || (member.Roles.HasFlag(SiloRoles.Worker) && workers.All(worker => worker.Silo != member.Name))))
        {
            return true;
        }

        var held = await Task.WhenAll(workers.Select(worker => GrainCalls.TryAsync(
            () => silo.WorkerOf(worker).GetCopies(new SequenceId(request, 0)).WaitAsync(Pause, silo.Time), null!))).ConfigureAwait(false);
        return held.Any(copies => copies is not { Length: 0 });
    }

    private async Task<(T? Answer, bool IsHeard)> TryAskAsync<T>(Func<Task<T?>> ask, CancellationToken cancellation)
    {
        try
        {
            var call = ask();
            await ((Task)call.WaitAsync(cancellation)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return (await call.WaitAsync(cancellation.IsCancellationRequested ? Farewell : Timeout.InfiniteTimeSpan, silo.Time, CancellationToken.None).ConfigureAwait(false), true);
        }
        catch (Exception exception) when (exception is not OperationCanceledException || !cancellation.IsCancellationRequested)
        {
            return (default, false);
        }
    }
}
