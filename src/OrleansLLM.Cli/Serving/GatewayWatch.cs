using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OrleansLLM.Cluster;

namespace OrleansLLM.Cli.Serving;

/// <summary>Says in a worker's log where no gateway is there to send it requests, and when one is.</summary>
internal sealed partial class GatewayWatch(ClusterView cluster, TimeProvider time, ILogger<GatewayWatch> logger) : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var isWaiting = false;
        using var timer = new PeriodicTimer(Period, time);
        while (await timer.WaitForNextTickAsync(stoppingToken).ConfigureAwait(false))
        {
            var gateway = cluster.Silos.FirstOrDefault(silo => silo.Roles.HasFlag(SiloRoles.Gateway));
            if (gateway is null && !isWaiting)
            {
                LogWaiting();
            }
            else if (gateway is not null && isWaiting)
            {
                LogFound(gateway.Name);
            }

            isWaiting = gateway is null;
        }
    }

    [LoggerMessage(LogLevel.Information, "Waiting for a gateway: none is in the cluster")]
    private partial void LogWaiting();

    [LoggerMessage(LogLevel.Information, "Gateway {Name} is in the cluster")]
    private partial void LogFound(string name);
}
