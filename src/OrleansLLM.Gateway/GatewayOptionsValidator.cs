using OrleansLLM.Gateway.Http;
using static System.FormattableString;

namespace OrleansLLM.Gateway;

/// <summary>Whether a gateway can treat its clients so. Pure.</summary>
public static class GatewayOptionsValidator
{
    private static readonly OptionName ApiKeys = new(nameof(GatewayOptions.ApiKeys), "--api-key");
    private static readonly OptionName PriorityApiKeys = new(nameof(GatewayOptions.PriorityApiKeys), "--priority-api-key");
    private static readonly OptionName AdminKey = new(nameof(GatewayOptions.AdminKey), "--admin-key");
    private static readonly OptionName ClusterSecret = new(nameof(GatewayOptions.ClusterSecret));
    private static readonly OptionName AllowedHosts = new(nameof(GatewayOptions.AllowedHosts), "--allowed-hosts");
    private static readonly OptionName CorsOrigins = new(nameof(GatewayOptions.CorsOrigins), "--allowed-origins");
    private static readonly OptionName RequestTimeout = new(nameof(GatewayOptions.RequestTimeout), "--request-timeout");
    private static readonly OptionName QueueTimeout = new(nameof(GatewayOptions.QueueTimeout), "--queue-timeout");
    private static readonly OptionName SseKeepAlive = new(nameof(GatewayOptions.SseKeepAlive), "--sse-keep-alive");
    private static readonly OptionName MaxParsedBytes = new(nameof(GatewayOptions.MaxParsedBytes), "--max-parsed-bytes");
    private static readonly OptionName MaxWaitingBytes = new(nameof(GatewayOptions.MaxWaitingBytes), "--max-waiting-bytes");
    private static readonly OptionName MaxCollectedBytes = new(nameof(GatewayOptions.MaxCollectedBytes), "--max-collected-bytes");
    private static readonly OptionName RetryAfter = new(nameof(GatewayOptions.RetryAfter));

    /// <summary>With less even small requests could not be answered.</summary>
    public const long LeastBytes = 1 << 20;

    /// <summary>As many as one of its ids has: with less a secret may be found by trying.</summary>
    public const int LeastSecretBytes = 16;

    /// <summary>What a timer waits at most, in whole days.</summary>
    private static readonly TimeSpan LongestTimer = TimeSpan.FromDays(49);

    public static OptionProblems Validate(GatewayOptions options)
    {
        var problems = new OptionProblems();
        RequireKeys(options, problems);
        if (options.ClusterSecret.Length is > 0 and < LeastSecretBytes)
        {
            problems.Add(Invariant($"{ClusterSecret} has {options.ClusterSecret.Length} bytes; it must have {LeastSecretBytes} or more, or none to be drawn at random."));
        }

        foreach (var host in (options.AllowedHosts ?? []).Where(host => !IsHost(host)))
        {
            problems.Add($"{AllowedHosts} holds '{host}'; it must be a name or an address such as chat.example.org, without a scheme or a port.");
        }

        foreach (var origin in options.CorsOrigins.Where(origin => !IsOrigin(origin)))
        {
            problems.Add($"{CorsOrigins} holds '{origin}'; it must be an origin such as https://example.org, without a path or a slash at the end.");
        }

        problems.Require(!(options.RequestTimeout < TimeSpan.Zero), RequestTimeout, options.RequestTimeout, "0 or more, or null for no limit");
        problems.Require(!(options.QueueTimeout < TimeSpan.Zero), QueueTimeout, options.QueueTimeout, "0 or more, or null for no limit");
        problems.Require(options.RetryAfter >= TimeSpan.Zero, RetryAfter, options.RetryAfter, "0 or more");
        problems.Require(options.MaxParsedBytes >= LeastBytes, MaxParsedBytes, options.MaxParsedBytes, $"{LeastBytes} bytes or more");
        problems.Require(options.MaxWaitingBytes >= LeastBytes, MaxWaitingBytes, options.MaxWaitingBytes, $"{LeastBytes} bytes or more");
        problems.Require(options.MaxCollectedBytes >= LeastBytes, MaxCollectedBytes, options.MaxCollectedBytes, $"{LeastBytes} bytes or more");
        problems.Require(
            options.SseKeepAlive >= TimeSpan.Zero && options.SseKeepAlive <= LongestTimer, SseKeepAlive, options.SseKeepAlive,
            Invariant($"0 or more, up to {LongestTimer.Days} days; 0 is never"));
        return problems;
    }

    private static void RequireKeys(GatewayOptions options, OptionProblems problems)
    {
        foreach (var (option, key) in options.ApiKeys.Select(key => (ApiKeys, key)).Concat(options.PriorityApiKeys.Select(key => (PriorityApiKeys, key)))
            .Where(pair => !IsKey(pair.key.Key)))
        {
            problems.Add($"{option} holds a key of '{key.Name}' that no client can send; it must not be empty and have no white space at its ends.");
        }

        if (options.AdminKey is { } admin && !IsKey(admin))
        {
            problems.Add($"{AdminKey} is a key that nobody can send; it must not be empty and have no white space at its ends.");
        }
        else if (options.ApiKeys.Concat(options.PriorityApiKeys).Any(key => key.Key == options.AdminKey))
        {
            problems.Add($"{AdminKey} is a client's key, too, of {ApiKeys} or {PriorityApiKeys}; it must be another one, or that client could administer.");
        }
    }

    /// <summary>Headers are trimmed, so a key with white space at its ends would never match.</summary>
    public static bool IsKey(string text) => text.Length > 0 && text.Trim().Length == text.Length;

    /// <summary>What a Host header can hold, without a port; * is any.</summary>
    public static bool IsHost(string text) => SiteAccess.IsHost(text);

    /// <summary>Browsers send scheme, host and port; what has more would never match.</summary>
    public static bool IsOrigin(string text) =>
        text.IndexOf("://", StringComparison.Ordinal) is var at && (at < 0 || text.IndexOf('/', at + 3) < 0);
}
