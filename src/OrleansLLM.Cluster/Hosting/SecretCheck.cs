using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;

namespace OrleansLLM.Cluster;

/// <summary>
/// Before a silo joins, it asks the active members whether they share its secret, and says at once where they do not: Orleans would try to reach
/// them for minutes. A member that does not answer is left to Orleans.
/// </summary>
internal sealed class SecretCheck(IClusterMembershipService members, ILocalSiloDetails self, ClusterSecret secret) : ILifecycleParticipant<ISiloLifecycle>
{
    private readonly SecretHandshake _handshake = new(secret);

    /// <summary>Behind <see cref="StaleMemberReaper"/>: whoever is active then is alive, and its port is its own.</summary>
    public void Participate(ISiloLifecycle lifecycle) =>
        lifecycle.Subscribe(nameof(SecretCheck), ServiceLifecycleStage.AfterRuntimeGrainServices + 1, CheckAsync);

    private async Task CheckAsync(CancellationToken cancellation)
    {
        var active = members.CurrentSnapshot.Members.Values.Where(member => member.Status == SiloStatus.Active && !member.SiloAddress.Equals(self.SiloAddress));
        var reasons = await Task.WhenAll(active.Select(async member => (member.Name, Reason: await WhyRefusedAsync(member.SiloAddress.Endpoint, cancellation).ConfigureAwait(false)))).ConfigureAwait(false);
        if (reasons.FirstOrDefault(answer => answer.Reason is not null) is { Reason: { } reason } refusal)
        {
            throw new SiloStartException($"Silo {refusal.Name} was asked whether it shares this one's secret, and {reason}: give all silos of the cluster the same file.");
        }
    }

    private async Task<string?> WhyRefusedAsync(IPEndPoint endpoint, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(SecretGuard.Limit);
        try
        {
            using var socket = new Socket(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(endpoint, limit.Token).ConfigureAwait(false);
            using var stream = new NetworkStream(socket);
            return await _handshake.ConnectAsync(new Duplex(PipeReader.Create(stream), PipeWriter.Create(stream)), limit.Token).ConfigureAwait(false);
        }
        catch (Exception error) when (error is SocketException or IOException || (error is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            return null;
        }
    }

    private sealed record Duplex(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
