using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Orleans.Configuration;
using Orleans.TestingHost;
using OrleansLLM.Sequences;

namespace OrleansLLM.Cluster.Tests;

/// <summary>Silos in this process, a gateway and a worker, to which others may be added, each with the grains of its role only.</summary>
public sealed class SplitCluster : ITestCluster
{
    private readonly InProcessTestCluster _cluster;

    public SplitCluster()
    {
        var builder = new InProcessTestClusterBuilder(2);
        builder.Options.ConfigureFileLogging = false;
        builder.ConfigureSilo((options, silo) =>
        {
            silo.AddOrleansLLMGrains(options.SiloName.EndsWith('0') ? SiloRoles.Gateway : SiloRoles.Worker);
            silo.Services.Replace(ServiceDescriptor.Singleton(services => ClusterHosting.OpenLogs(services, Clock)));
            silo.Configure<SiloMessagingOptions>(messaging => messaging.ResponseTimeout = TimeSpan.FromSeconds(5));
        });
        _cluster = builder.Build();
    }

    public SettableClock Clock { get; } = new();

    public string GatewayName => _cluster.Silos[0].Name;

    public string WorkerName => _cluster.Silos[1].Name;

    public SiloAddress GatewayAddress => _cluster.Silos[0].SiloAddress;

    public SiloAddress WorkerAddress => _cluster.Silos[1].SiloAddress;

    public IGenerator Generator => Gateway.GetRequiredService<IGenerator>();

    public IFleet Fleet => Gateway.GetRequiredService<IFleet>();

    public SequenceLogs Logs => Gateway.GetRequiredService<SequenceLogs>();

    public IGrainFactory Grains => Gateway.GetRequiredService<IGrainFactory>();

    public ISiloStatusOracle Silos => Gateway.GetRequiredService<ISiloStatusOracle>();

    public LocalWorkers Workers => _cluster.GetSiloServiceProvider(WorkerAddress).GetRequiredService<LocalWorkers>();

    public IReadOnlyList<LocalWorkers> Living => [Workers];

    private IServiceProvider Gateway => _cluster.GetSiloServiceProvider(GatewayAddress);

    public async ValueTask InitializeAsync() => await _cluster.DeployAsync();

    public Task KillWorkerAsync() => _cluster.KillSiloAsync(_cluster.Silos[1]);

    public async Task<LocalWorkers> StartWorkerAsync() =>
        _cluster.GetSiloServiceProvider((await _cluster.StartAdditionalSiloAsync()).SiloAddress).GetRequiredService<LocalWorkers>();

    public async ValueTask DisposeAsync() => await _cluster.DisposeAsync();
}
