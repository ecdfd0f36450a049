namespace OrleansLLM.Gateway;

/// <summary>How the gateway treats its clients.</summary>
public sealed record GatewayOptions
{
    /// <summary>Keys that clients must send; none = open to all.</summary>
    public IReadOnlyList<ApiKey> ApiKeys { get; init; } = [];

    /// <summary>
    /// Keys that may set a request's <c>priority</c>; where there are any, no other may. Each is as good as one of <see cref="ApiKeys"/>.
    /// </summary>
    public IReadOnlyList<ApiKey> PriorityApiKeys { get; init; } = [];

    /// <summary>What an administrator must send as <c>Authorization: Bearer</c>, to drain a worker; null = nobody may.</summary>
    public string? AdminKey { get; init; }

    /// <summary>
    /// What all gateways of a cluster share and nobody else knows: ids and tenants that clients' keys stand for are made with it. Empty: drawn at
    /// random, for a gateway that is alone.
    /// </summary>
    public ReadOnlyMemory<byte> ClusterSecret { get; init; }

    /// <summary>
    /// Names, beside those of loopback, that requests may know the server by (<c>Host</c>, whatever the port); null or "*" = any. On loopback
    /// without keys it wants a list, if an empty one: else any web page can rebind its own name to this machine and ask.
    /// </summary>
    public IReadOnlyList<string>? AllowedHosts { get; init; }

    /// <summary>Origins, beside the server's own, whose pages may call from a browser; "*" = any.</summary>
    public IReadOnlyList<string> CorsOrigins { get; init; } = [];

    /// <summary>From submission to the last token; null = no limit.</summary>
    public TimeSpan? RequestTimeout { get; init; }

    /// <summary>From submission to the first step; null = no limit.</summary>
    public TimeSpan? QueueTimeout { get; init; }

    /// <summary>
    /// Bytes that bodies may hold together while they are read, four for each of a body's own; more are answered with 503. A quarter is left to
    /// small ones.
    /// </summary>
    public long MaxParsedBytes { get; init; } = 256 << 20;

    /// <summary>
    /// Bytes that requests may hold together, about, from their submission to their first token; more are answered with 429. A quarter is left
    /// to small ones.
    /// </summary>
    public long MaxWaitingBytes { get; init; } = 256 << 20;

    /// <summary>
    /// Bytes that answers may hold together which are collected to be sent whole, and prompts' log probabilities; an answer beyond ends with
    /// 503. A quarter is left to small ones.
    /// </summary>
    public long MaxCollectedBytes { get; init; } = 256 << 20;

    /// <summary>What a refused client is told to wait where nothing better is known.</summary>
    public TimeSpan RetryAfter { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>After how long a silence a stream's client is sent a comment; 0 = never.</summary>
    public TimeSpan SseKeepAlive { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>As /version says it.</summary>
    public string Version { get; init; } = "0.1.0";
}

/// <param name="Name">What it is called where it must not be shown.</param>
/// <param name="Key">What clients send as <c>Authorization: Bearer</c>.</param>
public sealed record ApiKey(string Name, string Key);
