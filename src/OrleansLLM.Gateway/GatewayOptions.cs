namespace OrleansLLM.Gateway;

/// <summary>How the gateway treats its clients.</summary>
public sealed record GatewayOptions
{
    /// <summary>Keys that clients must send; none = open to all.</summary>
    public IReadOnlyList<ApiKey> ApiKeys { get; init; } = [];

    /// <summary>Origins whose pages may call from a browser; "*" = any, empty = none.</summary>
    public IReadOnlyList<string> CorsOrigins { get; init; } = [];

    /// <summary>From submission to the last token; null = no limit.</summary>
    public TimeSpan? RequestTimeout { get; init; }

    /// <summary>From submission to the first step; null = no limit.</summary>
    public TimeSpan? QueueTimeout { get; init; }

    /// <summary>What a refused client is told to wait where nothing better is known.</summary>
    public TimeSpan RetryAfter { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>As /version says it.</summary>
    public string Version { get; init; } = "0.1.0";
}

/// <param name="Name">The tenant that the key's requests belong to.</param>
/// <param name="Key">What clients send as <c>Authorization: Bearer</c>.</param>
public sealed record ApiKey(string Name, string Key);
