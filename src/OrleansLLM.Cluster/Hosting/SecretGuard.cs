using System.IO.Pipelines;
using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;

namespace OrleansLLM.Cluster;

/// <summary>Lets a connection between silos live only where both sides know the cluster's secret, and says in the log why not.</summary>
internal sealed partial class SecretGuard(ClusterSecret secret, TimeProvider time, ILogger<SecretGuard> logger)
{
    /// <summary>How long the other side has for its part.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    private readonly SecretHandshake _handshake = new(secret);

    public static void Guard(SiloConnectionOptions options)
    {
        options.ConfigureSiloInboundConnection(connection => connection.Use(Of(connection).GuardInbound));
        options.ConfigureSiloOutboundConnection(connection => connection.Use(Of(connection).GuardOutbound));
    }

    public ConnectionDelegate GuardInbound(ConnectionDelegate next) => context => RunAsync(context, next, _handshake.AcceptAsync);

    public ConnectionDelegate GuardOutbound(ConnectionDelegate next) => context => RunAsync(context, next, _handshake.ConnectAsync);

    private static SecretGuard Of(IConnectionBuilder connection) => connection.ApplicationServices.GetRequiredService<SecretGuard>();

    private async Task RunAsync(ConnectionContext context, ConnectionDelegate next, Func<IDuplexPipe, CancellationToken, Task<string?>> handshake)
    {
        if (await WhyRefusedAsync(context, handshake).ConfigureAwait(false) is { } reason)
        {
            LogRefused(context.RemoteEndPoint, reason);
            throw new ConnectionAbortedException($"The silo at {context.RemoteEndPoint} was refused: {reason}.");
        }

        await next(context).ConfigureAwait(false);
    }

    private async Task<string?> WhyRefusedAsync(ConnectionContext context, Func<IDuplexPipe, CancellationToken, Task<string?>> handshake)
    {
        using var limit = new CancellationTokenSource(Limit, time);
        try
        {
            return await handshake(context.Transport, limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return FormattableString.Invariant($"its handshake took longer than {Limit.TotalSeconds:0} s");
        }
        catch (Exception error) when (error is IOException or InvalidOperationException)
        {
            return $"its handshake was cut off: {error.Message}";
        }
    }

    [LoggerMessage(LogLevel.Warning, "The silo connection with {Remote} is refused: {Reason}")]
    private partial void LogRefused(EndPoint? remote, string reason);
}
