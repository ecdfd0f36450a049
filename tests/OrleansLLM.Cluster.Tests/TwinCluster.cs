using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Orleans.TestingHost;
using OrleansLLM.Sequences;

namespace OrleansLLM.Cluster.Tests;

/// <summary>Two silos in this process, to which others may be added, each a gateway and a worker.</summary>
public sealed class TwinCluster : ITestCluster
{
    private readonly InProcessTestCluster _cluster;
    private readonly List<Twin> _twins = [];

    public TwinCluster()
    {
        var builder = new InProcessTestClusterBuilder(2);
        builder.Options.ConfigureFileLogging = false;
        builder.ConfigureSilo((_, silo) =>
        {
            silo.AddOrleansLLMGrains(SiloRoles.Gateway | SiloRoles.Worker).DetectFailuresSoon();
            silo.Services.Replace(ServiceDescriptor.Singleton(services => ClusterHosting.OpenLogs(services, Clock)));
        });
        _cluster = builder.Build();
    }

    public SettableClock Clock { get; } = new();

    public IReadOnlyList<LocalWorkers> Living => [.. _twins.Select(twin => twin.Workers)];

    public IGenerator Generator => _twins[0].Generator;

    internal Twin this[int silo] => _twins[silo];

    public async ValueTask InitializeAsync()
    {
        await _cluster.DeployAsync();
        _twins.AddRange(_cluster.Silos.OrderBy(silo => silo.Name, StringComparer.Ordinal).Select(Open));
    }

    public Task KillAsync(int silo) => _cluster.KillSiloAsync(_twins[silo].Silo);

    internal async Task<Twin> JoinAsync()
    {
        var twin = Open(await _cluster.StartAdditionalSiloAsync());
        _twins.Add(twin);
        return twin;
    }

    public async ValueTask DisposeAsync() => await _cluster.DisposeAsync();

    private Twin Open(InProcessSiloHandle silo) => new(silo, _cluster.GetSiloServiceProvider(silo.SiloAddress));

    /// <summary>One of them.</summary>
    internal sealed class Twin(InProcessSiloHandle silo, IServiceProvider services)
    {
        private readonly Assignments _assignments = services.GetRequiredService<Assignments>();

        public InProcessSiloHandle Silo => silo;

        public LocalWorkers Workers { get; } = services.GetRequiredService<LocalWorkers>();

        public IGenerator Generator { get; } = services.GetRequiredService<IGenerator>();

        public SequenceLogs Logs { get; } = services.GetRequiredService<SequenceLogs>();

        public IFleet Fleet { get; } = services.GetRequiredService<IFleet>();

        public FleetWatch Watch { get; } = services.GetRequiredService<FleetWatch>();

        /// <summary>Whether somebody computes what it has the logs of.</summary>
        public bool IsRunning(SequenceId sequence) => _assignments.Find(sequence) is not null;
    }
}
