using System.Runtime.CompilerServices;

namespace OrleansLLM.Cluster.Tests;

/// <summary>
/// A client of several gateways: each call goes to the next one, and a stream whose gateway dies goes on at another one from the position that its reader has.
/// </summary>
internal sealed class GatewaysInTurn(DoubleCluster cluster) : IGenerator
{
    private IGenerator Next => cluster.NextGateway().Generator;

    public ValueTask<SubmitResult> SubmitAsync(GenerationRequest request, CancellationToken cancellation) => Next.SubmitAsync(request, cancellation);

    public ValueTask<KnownRequest?> FindAsync(RequestId request, CancellationToken cancellation) => Next.FindAsync(request, cancellation);

    public async IAsyncEnumerable<TokenRange> ReadAsync(SequenceId sequence, int from, [EnumeratorCancellation] CancellationToken cancellation)
    {
        while (true)
        {
            var gateway = cluster.NextGateway();
            using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellation, gateway.Death);
            var reader = gateway.Generator.ReadAsync(sequence, from, ending.Token).GetAsyncEnumerator(ending.Token);
            try
            {
                while (await LivesAsync(gateway, () => reader.MoveNextAsync(), cancellation))
                {
                    yield return reader.Current;
                    if (reader.Current.End is not null)
                    {
                        yield break;
                    }

                    from = reader.Current.Start + reader.Current.Ids.Length;
                    await cluster.HitAsync(gateway, sequence, from);
                }
            }
            finally
            {
                await LivesAsync(gateway, LeaveAsync, cancellation);
            }

            async ValueTask<bool> LeaveAsync()
            {
                await reader.DisposeAsync();
                return true;
            }
        }
    }

    public ValueTask<SubmitResult> ForkAsync(SequenceId sequence, int at, int count, CancellationToken cancellation) => Next.ForkAsync(sequence, at, count, cancellation);

    public ValueTask<int?> ChangeAsync(SequenceId sequence, SequenceChange change, CancellationToken cancellation) => Next.ChangeAsync(sequence, change, cancellation);

    public ValueTask<bool> FinishAsync(SequenceId sequence, int at, FinishReason reason, CancellationToken cancellation) =>
        Next.FinishAsync(sequence, at, reason, cancellation);

    public ValueTask CancelAsync(RequestId request, CancellationToken cancellation) => Next.CancelAsync(request, cancellation);

    public ValueTask<SequenceDescription?> DescribeAsync(SequenceId sequence, CancellationToken cancellation) => Next.DescribeAsync(sequence, cancellation);

    /// <summary>False where the gateway died.</summary>
    private static async Task<bool> LivesAsync(KillableGateway gateway, Func<ValueTask<bool>> ask, CancellationToken cancellation)
    {
        try
        {
            return await ask();
        }
#pragma warning disable CA1031 // whatever a dead one says
        catch (Exception) when (gateway.Death.IsCancellationRequested && !cancellation.IsCancellationRequested)
#pragma warning restore CA1031
        {
            return false;
        }
    }
}
