using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using OrleansLLM.Sequences;

namespace OrleansLLM.Cluster;

/// <summary>Makes a host a silo of OrleansLLM. The doors are then services: <see cref="IGenerator"/> and <see cref="IFleet"/> in a gateway.</summary>
public static class ClusterHosting
{
    /// <summary>A cluster of one: gateway and worker in this process, membership in memory, no open port, so servers on one machine do not meet.</summary>
    public static IHostApplicationBuilder AddClusterOfOne(this IHostApplicationBuilder builder)
    {
        // Orleans places grains through a pipeline that logs every placement.
        builder.Logging.AddFilter("Polly", LogLevel.Critical); // every try of what fails in the end, and is thrown then
        builder.UseOrleans(silo =>
        {
            silo.Configure<ClusterOptions>(options => (options.ServiceId, options.ClusterId) = ("orleansllm", Guid.NewGuid().ToString("N")));
            silo.Configure<EndpointOptions>(options =>
                (options.AdvertisedIPAddress, options.SiloPort, options.GatewayPort) = (IPAddress.Loopback, 11111, 0));
            silo.Services.AddSingleton<IMembershipTable, MembershipOfOne>();
            silo.Services.ListenNowhere();
            silo.AddOrleansLLMGrains(SiloRoles.Gateway | SiloRoles.Worker).RestWhenIdle();
        });
        return builder;
    }

    /// <summary>Adds the grains of the given roles to a silo whose clustering is configured elsewhere.</summary>
    public static ISiloBuilder AddOrleansLLMGrains(this ISiloBuilder silo, SiloRoles roles)
    {
        silo.Services.TryAddSingleton(TimeProvider.System);
        silo.Services.AddSingleton<SiloContext>();
        silo.Services.TryAddSingleton<ClusterView>();
        silo.AddPlacementDirector<PinnedPlacement, PinnedPlacementDirector>();
        if (roles.HasFlag(SiloRoles.Gateway))
        {
            silo.Services.AddSingleton(services => OpenLogs(services, services.GetRequiredService<TimeProvider>()));
            silo.Services.AddSingleton<IGenerator, ClusterGenerator>();
            silo.Services.AddSingleton<FleetWatch>();
            silo.Services.AddSingleton<ClusterFleet>();
            silo.Services.AddSingleton<IFleet>(services => services.GetRequiredService<ClusterFleet>());
            silo.Services.AddSingleton<RemoteSequences>();
            silo.Services.AddSingleton<Router>();
            silo.Services.AddSingleton<Routes>();
            silo.Services.AddSingleton<Assignments>();
            silo.Services.AddSingleton<UnheardEnds>();
            silo.Services.AddMetrics();
            silo.Services.AddSingleton<ClusterMetrics>();
            silo.Services.AddSingleton<GatewayContext>();
            silo.Services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>, FleetWatcher>();
        }

        if (roles.HasFlag(SiloRoles.Worker))
        {
            silo.Services.AddSingleton(services => new LocalWorkers(services.GetRequiredService<SiloContext>(), services.GetRequiredService<ClusterView>()));
            silo.Services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>>(services => services.GetRequiredService<LocalWorkers>());
            silo.Services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>, Adopter>();
        }

        // The default of a million entries is 18 MB that every silo would clear at its start.
        silo.Configure<GrainDirectoryOptions>(options => options.CacheSize = 1 << 16);
        return silo.Configure<GrainTypeOptions>(options => options.Classes.ExceptWith(ClassesOutside(roles)));
    }

    /// <summary>The logs of a gateway's silo; a sequence that nobody reads any more is ended along its request's road.</summary>
    internal static SequenceLogs OpenLogs(IServiceProvider services, TimeProvider time)
    {
        var grains = services.GetRequiredService<IGrainFactory>();
        var options = services.GetService<SequenceLogOptions>() ?? new SequenceLogOptions();
        return new SequenceLogs(
            options,
            time,
            abandoned => grains.GetGrain<ISequenceGrain>(abandoned.Request.ToString()).Abandon(abandoned).Ignore(),
            forgotten => grains.GetGrain<ISequenceGrain>(forgotten.ToString()).Forget().Ignore());
    }

    private static IEnumerable<Type> ClassesOutside(SiloRoles roles)
    {
        Type[] gateway = [typeof(SequenceGrain), typeof(RouterGrain), typeof(GatewaySinkGrain)];
        Type[] worker = [typeof(GpuWorkerGrain), typeof(BlockManagerGrain)];
        return [.. roles.HasFlag(SiloRoles.Gateway) ? [] : gateway, .. roles.HasFlag(SiloRoles.Worker) ? [] : worker];
    }

    /// <summary>Longer periods for what a silo does by itself: nobody else watches a cluster of one.</summary>
    private static void RestWhenIdle(this ISiloBuilder silo)
    {
        var rarely = TimeSpan.FromMinutes(5);
        silo.Configure<DeploymentLoadPublisherOptions>(options => options.DeploymentLoadPublisherRefreshTime = TimeSpan.Zero);
        silo.Configure<GrainCollectionOptions>(options =>
        {
            options.CollectionQuantum = TimeSpan.FromMinutes(10);
            options.EnableActivationSheddingOnMemoryPressure = false;
        });
        silo.Configure<ClusterMembershipOptions>(options =>
        {
            options.IAmAliveTablePublishTimeout = rarely;
            options.TableRefreshTimeout = rarely;
            options.LocalHealthDegradationMonitoringPeriod = rarely;
        });
    }
}
