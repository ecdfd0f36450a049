using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;

namespace OrleansLLM.Cluster.Tests;

/// <summary>A cluster of one, as a server runs it.</summary>
public sealed class SoloCluster : ITestCluster
{
    private readonly IHost _host;

    public SoloCluster()
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.AddClusterOfOne();
        builder.Services.Replace(ServiceDescriptor.Singleton(services => ClusterHosting.OpenLogs(services, Clock)));
        _host = builder.Build();
    }

    public SettableClock Clock { get; } = new();

    public IGenerator Generator => _host.Services.GetRequiredService<IGenerator>();

    private LocalWorkers Workers => _host.Services.GetRequiredService<LocalWorkers>();

    public IReadOnlyList<LocalWorkers> Living => [Workers];

    public async ValueTask InitializeAsync() => await _host.StartAsync();

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync();
        _host.Dispose();
    }
}
