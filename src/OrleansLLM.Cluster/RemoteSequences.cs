using System.Runtime.CompilerServices;

namespace OrleansLLM.Cluster;

/// <summary>
/// Sequences whose logs another gateway's silo has. While a member of the cluster died lately, or can't be reached, what is not known may still be
/// adopted: it is looked for again, for <see cref="Patience"/> at most, unless all workers say that they hold nothing of it.
/// </summary>
internal sealed class RemoteSequences(SiloContext silo, FleetWatch watch, ClusterView cluster)
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    /// <summary>How long a reader that leaves waits for what it was given as new: nobody else is.</summary>
    private static readonly TimeSpan Farewell = TimeSpan.FromSeconds(2);

    public async Task<KnownRequest?> FindAsync(RequestId request, CancellationToken cancellation) =>
        (await AskAsync(request, grain => grain.Find(), cancellation).ConfigureAwait(false))?.ToKnown();

    /// <exception cref="UnknownSequenceException">No gateway has it.</exception>
    public async IAsyncEnumerable<TokenRange> ReadAsync(SequenceId sequence, int from, [EnumeratorCancellation] CancellationToken cancellation)
    {
        while (true)
        {
            var next = from;
            var reply = await AskAsync(sequence.Request, grain => grain.Read(sequence, next), cancellation).ConfigureAwait(false);
            var range = reply?.ToRange() ?? throw new UnknownSequenceException(sequence);
            if (range.Ids.Length > 0 || range.End is not null)
            {
                yield return range;
            }

            cancellation.ThrowIfCancellationRequested();
            if (range.End is not null)
            {
                yield break;
            }

            from = range.Start + range.Ids.Length;
        }
    }

    private async Task<T?> AskAsync<T>(RequestId request, Func<ISequenceGrain, Task<T?>> ask, CancellationToken cancellation)
        where T : class
    {
        var began = silo.Time.GetTimestamp();
        while (true)
        {
            var (answer, isHeard) = await TryAskAsync(request, ask, cancellation).ConfigureAwait(false);
            if (answer is not null || (isHeard && !(watch.HasDiedLately && await MayBeAdoptedAsync(request).ConfigureAwait(false))) || silo.Time.GetElapsedTime(began) > Patience)
            {
                return answer;
            }

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

    private async Task<(T? Answer, bool IsHeard)> TryAskAsync<T>(RequestId request, Func<ISequenceGrain, Task<T?>> ask, CancellationToken cancellation)
    {
        try
        {
            var call = ask(silo.SequenceOf(request));
            await ((Task)call.WaitAsync(cancellation)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return (await call.WaitAsync(cancellation.IsCancellationRequested ? Farewell : Timeout.InfiniteTimeSpan, silo.Time, CancellationToken.None).ConfigureAwait(false), true);
        }
        catch (Exception exception) when (exception is not OperationCanceledException || !cancellation.IsCancellationRequested)
        {
            return (default, false);
        }
    }
}
