using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using StackExchange.Redis;

namespace OrleansLLM.Cluster;

/// <summary>Makes a host a member of a cluster of several silos.</summary>
public static class ClusterMembers
{
    /// <summary>
    /// A silo as the options say; with <see cref="Clustering.Local"/> a cluster of one. Beside the doors there are then <see cref="ClusterSecret"/>,
    /// <see cref="ClusterView"/> and, among several silos, <see cref="SiloDeath"/>, whose process has to end.
    /// </summary>
    /// <exception cref="ArgumentException">Options can't be; the message says all that is wrong.</exception>
    /// <exception cref="SiloStartException">The secret's file can't be, or there is no free port.</exception>
    public static IHostApplicationBuilder AddClusterMember(this IHostApplicationBuilder builder, ClusterMemberOptions options)
    {
        ClusterMemberOptionsValidator.Validate(options).ThrowIfAny();
        builder.Services.AddSingleton(options.SecretFile is { } file ? ClusterSecret.Read(file) : ClusterSecret.Draw());
        if (options.Clustering is Clustering.Local)
        {
            return builder.AddClusterOfOne();
        }

        builder.Logging.AddFilter("Polly", LogLevel.Critical); // every try of what fails in the end, and is thrown then
        builder.UseOrleans(silo => silo.BeMember(options, options.Advertise ?? IPAddress.Loopback).AddOrleansLLMGrains(options.Roles));
        return builder;
    }

    private static ISiloBuilder BeMember(this ISiloBuilder silo, ClusterMemberOptions options, IPAddress address)
    {
        var port = options.SiloPort is { } given and > 0 ? given : FreePort.Find(address);
        silo.Configure<ClusterOptions>(cluster => (cluster.ServiceId, cluster.ClusterId) = ("orleansllm", options.ClusterId));
        silo.Configure<SiloOptions>(details => details.SiloName = options.Name ?? NameOfMachine(port));
        silo.Configure<EndpointOptions>(endpoints =>
        {
            (endpoints.AdvertisedIPAddress, endpoints.SiloPort, endpoints.GatewayPort) = (address, port, 0);
            endpoints.SiloListeningEndpoint = new IPEndPoint(address, port);
        });
        silo.Configure<SiloConnectionOptions>(SecretGuard.Guard);
        silo.Services.TryAddSingleton(TimeProvider.System);
        silo.Services.AddSingleton<SecretGuard>();
        silo.Services.AddSingleton<SiloDeath>();
        silo.Services.Replace(ServiceDescriptor.Singleton<IFatalErrorHandler>(services => services.GetRequiredService<SiloDeath>()));
        silo.AddMembershipTable(options.Clustering, options.ClusterId).Services.ObserveMembershipTable();
        silo.Services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>, StaleMemberReaper>();
        silo.Services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>, SecretCheck>();
        silo.Services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>, MembershipLog>();
        return silo.DetectFailuresSoon();
    }

    private static ISiloBuilder AddMembershipTable(this ISiloBuilder silo, Clustering clustering, string clusterId)
    {
        switch (clustering)
        {
            case Clustering.File file:
                silo.Services.AddSingleton<IMembershipTable>(new FileMembershipTable(file.Path, clusterId));
                break;
            case Clustering.Redis redis:
                silo.UseRedisClustering(table => table.ConfigurationOptions = ConfigurationOptions.Parse(redis.Connection));
                break;
            case Clustering.Postgres postgres:
                silo.Services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>>(new PostgresSchema(postgres.Connection));
                silo.UseAdoNetClustering(table => (table.Invariant, table.ConnectionString) = ("Npgsql", PostgresSchema.InSchema(postgres.Connection)));
                break;
        }

        return silo;
    }

    private static void ObserveMembershipTable(this IServiceCollection services)
    {
        var table = services.Last(service => service.ServiceType == typeof(IMembershipTable));
        services.Remove(table);
        services.AddSingleton<IMembershipTable>(provider => new ObservedMembershipTable(
            (IMembershipTable)(table.ImplementationInstance ?? table.ImplementationFactory?.Invoke(provider) ?? ActivatorUtilities.CreateInstance(provider, table.ImplementationType!)),
            provider.GetRequiredService<ILocalSiloDetails>().SiloAddress,
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<ObservedMembershipTable>>(),
            provider.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping));
    }

    private static string NameOfMachine(int port)
    {
        var name = string.Concat(Environment.MachineName.Where(letter => char.IsAsciiLetterOrDigit(letter) || letter is '.' or '-' or '_').Take(50)).TrimStart('.', '-', '_');
        return FormattableString.Invariant($"{(name.Length > 0 ? name : "silo")}-{port}");
    }
}
