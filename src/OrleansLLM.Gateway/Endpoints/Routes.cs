using OrleansLLM.Gateway.Http;

namespace OrleansLLM.Gateway.Endpoints;

/// <summary>Answers a call, or gives the error that is its answer.</summary>
internal delegate ValueTask<ApiError?> Handler(GatewayCall call);

internal enum Access
{
    /// <summary>Without a key: probes and scrapers have none.</summary>
    Open,
    Key,

    /// <summary>With the key of administration alone.</summary>
    Admin,
}

internal enum Readiness
{
    /// <summary>In every phase.</summary>
    Any,

    /// <summary>Only while models are served and new requests are taken.</summary>
    Ready,
}

internal sealed record Route(string Method, string Path, Access Access, Readiness Needs, Handler Handle)
{
    /// <summary>HEAD is answered wherever GET is: the same without a body.</summary>
    public IReadOnlyList<string> Methods { get; } = MethodsOf(Method);

    public static IReadOnlyList<string> MethodsOf(string method) =>
        HttpMethods.IsGet(method) ? [HttpMethods.Get, HttpMethods.Head] : [method];
}

/// <summary>Every endpoint but /metrics, which the exporter maps. To add one: a class beside this and a row here.</summary>
internal static class Routes
{
    public const string Metrics = "/metrics";

    /// <summary>Of a server that takes no requests.</summary>
    public static IReadOnlyList<Route> Probes { get; } =
    [
        new("GET", "/health", Access.Open, Readiness.Any, Health.HandleAsync),
        new("GET", "/health/live", Access.Open, Readiness.Any, Health.LiveAsync),
        new("GET", "/health/ready", Access.Open, Readiness.Any, Health.ReadyAsync),
    ];

    public static IReadOnlyList<Route> All { get; } =
    [
        .. Probes,
        new("POST", "/v1/completions", Access.Key, Readiness.Ready, Completions.HandleAsync),
        new("POST", "/v1/chat/completions", Access.Key, Readiness.Ready, ChatCompletions.HandleAsync),
        new("GET", "/v1/sequences/{id}/events", Access.Key, Readiness.Any, Sequences.FollowAsync),
        new("DELETE", "/v1/sequences/{id}", Access.Key, Readiness.Any, Sequences.CancelAsync),
        new("GET", "/v1/models", Access.Key, Readiness.Any, Models.ListAsync),
        new("GET", "/v1/models/{**model}", Access.Key, Readiness.Any, Models.GetAsync),
        new("GET", "/v1/cluster", Access.Key, Readiness.Any, Cluster.GetAsync),
        new("POST", "/v1/cluster/workers/{id}/drain", Access.Admin, Readiness.Any, Cluster.DrainAsync),
        new("POST", "/v1/cluster/workers/{silo}/{device}/drain", Access.Admin, Readiness.Any, Cluster.DrainAsync),
        new("POST", "/tokenize", Access.Key, Readiness.Ready, Tokenize.HandleAsync),
        new("POST", "/detokenize", Access.Key, Readiness.Ready, Detokenize.HandleAsync),
        new("GET", "/version", Access.Open, Readiness.Any, Version.HandleAsync),
    ];
}
