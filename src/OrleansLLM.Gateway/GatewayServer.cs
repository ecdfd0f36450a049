using OrleansLLM.Gateway.Http;
using OrleansLLM.Gateway.Metrics;
using OrleansLLM.Text;

namespace OrleansLLM.Gateway;

/// <summary>What endpoints work with.</summary>
internal sealed class GatewayServer
{
    private readonly IGenerator? _generator;
    private readonly IReadiness? _readiness;

    public GatewayServer(
        IServedModels served, GatewayOptions options, GatewayMetrics metrics, TimeProvider time, IGenerator? generator = null, IReadiness? readiness = null)
    {
        (Served, Options, Metrics, Time, _generator, _readiness) = (served, options, metrics, time, generator, readiness);
        Sites = new SiteAccess(options);
        Bodies = new ByteBudget(options.MaxParsedBytes);
        Waiting = new ByteBudget(options.MaxWaitingBytes);
        Answers = new ByteBudget(options.MaxCollectedBytes);
        Secret = new GatewaySecret(options.ClusterSecret);
        Keys = new ApiKeys(options, Secret);
    }

    public IGenerator Generator => _generator ?? throw new InvalidOperationException("This server answers probes only: it has no IGenerator.");

    public IServedModels Served { get; }

    public GatewayOptions Options { get; }

    public GatewayMetrics Metrics { get; }

    public TimeProvider Time { get; }

    public SiteAccess Sites { get; }

    public ByteBudget Bodies { get; }

    public ByteBudget Waiting { get; }

    public ByteBudget Answers { get; }

    public GatewaySecret Secret { get; }

    public ApiKeys Keys { get; }

    /// <summary>Why nothing can be asked for now, or null.</summary>
    public ApiError? WhyUnavailable() => Served.Phase switch
    {
        ServingPhase.Ready => null,
        ServingPhase.Loading => ApiError.Unavailable("The model is still loading.", Options.RetryAfter),
        ServingPhase.Waiting => ApiError.Unavailable("No worker serves the model yet.", Options.RetryAfter),
        ServingPhase.Draining => ApiError.Unavailable("The server is stopping and takes no new requests.", Options.RetryAfter),
        _ when Served.Failure is { } failure => ApiError.Unavailable($"{failure} Restart the server.", Options.RetryAfter),
        _ => ApiError.Unavailable("The server has no model: loading it failed, the log says why.", Options.RetryAfter),
    };

    /// <summary>Why only a restart helps, or null.</summary>
    public ApiError? WhyDead() => Served.Failure is null ? null : WhyUnavailable();

    /// <summary>Why nothing can be asked for, or should be, or null.</summary>
    public ApiError? WhyNotReady() =>
        WhyUnavailable() ?? (_readiness?.WhyNotReady is { } reason ? ApiError.Unavailable(reason, Options.RetryAfter) : null);

    /// <summary>The model by name or alias; no name is the only model's, as vLLM has it.</summary>
    public Outcome<ServedModel> FindModel(string? name)
    {
        var models = Served.Models;
        var found = string.IsNullOrEmpty(name)
            ? models.Count > 0 ? models[0] : null
            : models.FirstOrDefault(model => model.Name == name || model.Aliases.Contains(name));
        return found is not null
            ? found
            : ApiError.UnknownModel(name ?? "", models.SelectMany(model => model.Aliases.Prepend(model.Name)));
    }
}

/// <summary>One HTTP request, past its key.</summary>
internal sealed record GatewayCall(HttpContext Context, GatewayServer Server, Caller Caller)
{
    public CancellationToken Aborted => Context.RequestAborted;

    /// <summary>As logs, errors and the X-Request-Id header have it.</summary>
    public string RequestId => Context.TraceIdentifier;
}
