using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using OrleansLLM.Cli.Arguments;
using OrleansLLM.Cli.Serving.Connections;
using OrleansLLM.Gateway;
using OrleansLLM.Text;

namespace OrleansLLM.Cli.Serving;

internal enum ServerSurface
{
    Everything,

    /// <summary>Health and metrics.</summary>
    Probes,
}

/// <summary>Puts the server together: web host, gateway, and what generates behind it.</summary>
internal static class ServeHost
{
    /// <summary>How long connections have to end once the last request has; requests had their own time before.</summary>
    private static readonly TimeSpan ConnectionTimeout = TimeSpan.FromSeconds(5);

    /// <summary>A connection without a request in between.</summary>
    internal static readonly TimeSpan IdleTimeout = TimeSpan.FromSeconds(120);

    /// <summary>A connection without any request, and a request without the end of its head.</summary>
    internal static readonly TimeSpan FirstRequestTimeout = TimeSpan.FromSeconds(30);

    /// <param name="configure">Registers the <see cref="IGenerator"/>, and logs where there are to be any.</param>
    /// <param name="surface">What the port answers.</param>
    public static WebApplication Build(
        ServerOptions options, IServedModels models, Action<WebApplicationBuilder> configure, ServerSurface surface = ServerSurface.Everything)
    {
        // Nothing of the current folder or the environment: the options are the command line's.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ApplicationName = "orleansllm" });
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.KeepAliveTimeout = IdleTimeout;
            kestrel.Limits.RequestHeadersTimeout = FirstRequestTimeout;
            kestrel.Listen(
                Address(options.Host), options.Port, listen => listen.Use(FirstRequest.Within(FirstRequestTimeout, TimeProvider.System)));
        });
        builder.Services.AddSingleton<IConnectionListenerFactory, PatientListenerFactory>();
        builder.Services.AddRoutingCore();
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = ConnectionTimeout);
        builder.Services.AddSingleton(options);
        builder.Services.AddSingleton<ActiveRequests>();
        builder.Services.AddSingleton(models);
        configure(builder);
        builder.Services.AddOrleansLLMGateway(options.Gateway);
        var app = builder.Build();
        var active = app.Services.GetRequiredService<ActiveRequests>();
        app.UseWhen(
            context => context.Request.Method == "POST" || context.Request.Path.StartsWithSegments("/v1/sequences"),
            branch => branch.Use(next => context => active.RunAsync(context, next)));
        return surface == ServerSurface.Everything ? app.MapOrleansLLMGateway() : app.MapOrleansLLMProbes();
    }

    private static IPAddress Address(string host) => host == "localhost" ? IPAddress.Loopback : IPAddress.Parse(host);
}
