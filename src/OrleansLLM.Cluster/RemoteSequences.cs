using System.Runtime.CompilerServices;

namespace OrleansLLM.Cluster;

/// <summary>
/// Sequences whose logs another gateway's silo has. While a member of the cluster died lately, or can't be reached, what is not known may still be
/// adopted: it is looked for again, for <see cref="Patience"/> at most.
/// </summary>
internal sealed class RemoteSequences(SiloContext silo, FleetWatch watch)
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

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
            if (answer is not null || (isHeard && !watch.HasDiedLately) || silo.Time.GetElapsedTime(began) > Patience)
            {
                return answer;
            }

            await Task.Delay(Pause, silo.Time, cancellation).ConfigureAwait(false);
        }
    }

    private async Task<(T? Answer, bool IsHeard)> TryAskAsync<T>(RequestId request, Func<ISequenceGrain, Task<T?>> ask, CancellationToken cancellation)
    {
        try
        {
            return (await ask(silo.SequenceOf(request)).WaitAsync(cancellation).ConfigureAwait(false), true);
        }
        catch (Exception exception) when (exception is not OperationCanceledException || !cancellation.IsCancellationRequested)
        {
            return (default, false);
        }
    }
}
