using Microsoft.AspNetCore.Cors.Infrastructure;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection.Extensions;
using OpenTelemetry.Metrics;
using OrleansLLM.Gateway.Endpoints;
using OrleansLLM.Gateway.Http;
using OrleansLLM.Gateway.Metrics;
using OrleansLLM.Gateway.Requests;
using OrleansLLM.Text;

namespace OrleansLLM.Gateway;

/// <summary>How a host gets the gateway; it brings an <see cref="IGenerator"/> and an <see cref="IServedModels"/>.</summary>
public static class GatewayExtensions
{
    private const string VllmPrefix = "vllm.";

    /// <exception cref="ArgumentException">Options can't be; the message says all that is wrong.</exception>
    public static IServiceCollection AddOrleansLLMGateway(this IServiceCollection services, GatewayOptions options)
    {
        GatewayOptionsValidator.Validate(options).ThrowIfAny();
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(options);
        services.AddSingleton<GatewayMetrics>();
        services.AddSingleton<GatewayServer>();
        services.AddCors();
        services.AddOpenTelemetry().WithMetrics(metrics => metrics
            .AddMeter(GatewayMetrics.MeterName)
            .AddView(instrument => instrument.Name.StartsWith(VllmPrefix, StringComparison.Ordinal)
                ? new MetricStreamConfiguration { Name = $"vllm:{instrument.Name[VllmPrefix.Length..]}" }
                : null)
            .AddPrometheusExporter(exporter =>
            {
                exporter.ScopeInfoEnabled = false;
                exporter.TargetInfoEnabled = false;
                exporter.ScrapeResponseCacheDurationMilliseconds = 0; // a scrape says what is, not what was
            }));
        return services;
    }

    /// <summary>Maps every endpoint, and what surrounds them.</summary>
    public static WebApplication MapOrleansLLMGateway(this WebApplication app) => app.Map(Routes.All, AnnounceModels);

    /// <summary>Maps <c>/health</c> and its kin and <c>/metrics</c> alone: of a host that has no <see cref="IGenerator"/>.</summary>
    public static WebApplication MapOrleansLLMProbes(this WebApplication app) => app.Map(Routes.Probes, static _ => { });

    private static WebApplication Map(this WebApplication app, IReadOnlyList<Endpoints.Route> routes, Action<GatewayServer> beforeScrape)
    {
        var server = app.Services.GetRequiredService<GatewayServer>();
        app.UseMiddleware<RequestPipeline>();
        if (server.Options.CorsOrigins.Count > 0)
        {
            app.UseCors(policy => Allow(policy, server));
        }

        foreach (var route in routes)
        {
            app.MapMethods(route.Path, route.Methods, (RequestDelegate)(context => RequestPipeline.RunAsync(context, route, server)));
        }

        app.MapPrometheusScrapingEndpoint(
            Routes.Metrics,
            null,
            branch => branch.Use(next => context =>
            {
                beforeScrape(server);
                return next(context);
            }),
            null).WithMetadata(new HttpMethodMetadata(Endpoints.Route.MethodsOf(HttpMethods.Get)));
        return app;
    }

    private static void AnnounceModels(GatewayServer server)
    {
        foreach (var model in server.Served.Models)
        {
            server.Metrics.Announce(model);
        }
    }

    private static void Allow(CorsPolicyBuilder policy, GatewayServer server) =>
        (server.Options.CorsOrigins.Contains(SiteAccess.Any) ? policy.AllowAnyOrigin() : policy.SetIsOriginAllowed(server.Sites.IsListed))
        .AllowAnyHeader().AllowAnyMethod().WithExposedHeaders("X-Request-Id", "Retry-After", AnswerHeaders.Id);
}
