using System.CommandLine;
using System.CommandLine.Parsing;
using System.Net;
using OrleansLLM.Gateway;
using OrleansLLM.Sequences;

namespace OrleansLLM.Cli.Arguments;

internal enum LogFormat
{
    Text,
    Json,
}

/// <summary>Where the server listens, and how it meets its clients.</summary>
/// <param name="ShutdownTimeout">How long a stop waits for what runs.</param>
internal sealed record ServerOptions(string Host, int Port, GatewayOptions Gateway, TimeSpan ShutdownTimeout, LogFormat LogFormat)
{
    public SequenceLogOptions SequenceLogs { get; init; } = new();

    /// <summary>Whether other machines can reach it.</summary>
    public bool IsOpenToOthers => !IsLoopback(Host);

    public static bool IsLoopback(string host) =>
        host == "localhost" || (IPAddress.TryParse(host, out var address) && IPAddress.IsLoopback(address));
}

internal sealed class ServerArguments
{
    private const string KeyVariable = "ORLEANSLLM_API_KEY";
    private const string AdminKeyVariable = "ORLEANSLLM_ADMIN_KEY";

    private readonly Option<string> _host = new("--host")
    {
        HelpName = "ADDRESS",
        Description = "Where to listen; 0.0.0.0 is every IPv4 address.",
        DefaultValueFactory = _ => "127.0.0.1",
    };

    private readonly Option<long?> _port = ModelArguments.Number("--port", "PORT", "Default: 8000. 0 takes a free one.", 0, 65_535);

    private readonly Option<string[]> _apiKeys = Texts(
        "--api-key", "KEY",
        $"Keys, one of which a request must show as Authorization: Bearer KEY. Default: the variable {KeyVariable}, else none.",
        GatewayOptionsValidator.IsKey, _ => "a key that is not empty and has no space at its ends");

    private readonly Option<string[]> _priorityApiKeys = Texts(
        "--priority-api-key", "KEY", "Keys, as --api-key, whose requests alone may set priority. Default: any request may.",
        GatewayOptionsValidator.IsKey, _ => "a key that is not empty and has no space at its ends");

    private readonly Option<string?> _adminKey = new("--admin-key")
    {
        HelpName = "KEY",
        Description = $"The key that draining a worker takes, no client's, as Authorization: Bearer KEY. Default: the variable {AdminKeyVariable}, else nobody may.",
    };

    private readonly Option<string[]> _allowedHosts = Texts(
        "--allowed-hosts", "NAME",
        "Names, beside those of loopback, that requests may call this server by (Host); * is any. Default: none on loopback without a key, else any.",
        GatewayOptionsValidator.IsHost, host => $"names or addresses such as chat.example.org, without a scheme or a port, not '{host}'");

    private readonly Option<string[]> _allowedOrigins = Texts(
        "--allowed-origins", "ORIGIN", "Web origins, beside its own, whose pages may call this server (CORS); * is any. Default: none.",
        GatewayOptionsValidator.IsOrigin, origin => $"origins such as https://example.org, without a path or a slash at the end, not '{origin}'");

    private readonly Option<double?> _requestTimeout = Seconds("--request-timeout", "Ends an answer after that long (408, or an error event of a stream). Default: no limit.");

    private readonly Option<double?> _queueTimeout = Seconds(
        "--queue-timeout", "Refuses a request that waited that long for its first step (503, or an error event of a stream). Default: no limit.");

    private readonly Option<double?> _sseKeepAlive = Seconds(
        "--sse-keep-alive", "Sends a comment to a stream's client after that long a silence; 0 is never. Default: 10.");

    private readonly Option<long?> _maxParsedBytes = ModelArguments.Number(
        "--max-parsed-bytes", "BYTES",
        "What bodies may hold together while they are read, four bytes for each of a body's own; more are answered with 503. Default: 256MiB.",
        GatewayOptionsValidator.LeastBytes, long.MaxValue);

    private readonly Option<long?> _maxWaitingBytes = ModelArguments.Number(
        "--max-waiting-bytes", "BYTES", "What requests may hold together, about, until their first token; more are answered with 429. Default: 256MiB.",
        GatewayOptionsValidator.LeastBytes, long.MaxValue);

    private readonly Option<long?> _maxCollectedBytes = ModelArguments.Number(
        "--max-collected-bytes", "BYTES", "What answers may hold together that are sent whole; one beyond ends with 503. Default: 256MiB.",
        GatewayOptionsValidator.LeastBytes, long.MaxValue);

    private readonly Option<long?> _maxRetainedBytes = ModelArguments.Number(
        "--max-retained-bytes", "BYTES",
        "What the tokens and log probabilities of all answers may hold, those that ended and can still be read included; requests beyond get 503. Default: 256MiB.",
        SequenceLogOptionsValidator.LeastBytes, long.MaxValue);

    private readonly Option<double?> _shutdownTimeout = Seconds(
        "--shutdown-timeout", "How long a stop (SIGTERM, Ctrl-C, SIGHUP unless ignored) lets running answers go on. Default: 30.");

    private readonly Option<string> _logFormat = ModelArguments.Choice("--log-format", "Log lines for people or for machines.", "text", "text", "json");

    public void AddTo(Command command)
    {
        foreach (var option in new Option[]
        {
            _host, _port, _apiKeys, _priorityApiKeys, _adminKey, _allowedHosts, _allowedOrigins, _requestTimeout, _queueTimeout, _sseKeepAlive, _maxParsedBytes, _maxWaitingBytes, _maxCollectedBytes,
            _maxRetainedBytes, _shutdownTimeout, _logFormat,
        })
        {
            command.Options.Add(option);
        }

        command.Validators.Add(result =>
        {
            CheckVariable(result, _apiKeys, KeyVariable);
            CheckVariable(result, _adminKey, AdminKeyVariable);
            string[] clients = [.. result.GetValue(_apiKeys) is { Length: > 0 } keys ? keys : KeysOfEnvironment(KeyVariable), .. result.GetValue(_priorityApiKeys) ?? []];
            if (clients.Contains(result.GetValue(_adminKey) ?? KeysOfEnvironment(AdminKeyVariable).FirstOrDefault()))
            {
                result.AddError("--admin-key takes a key that is no client's, or that client could administer.");
            }
        });
        _adminKey.Validators.Add(result =>
        {
            if (!GatewayOptionsValidator.IsKey(result.GetValueOrDefault<string?>() ?? ""))
            {
                result.AddError("--admin-key takes a key that is not empty and has no space at its ends.");
            }
        });
        _host.Validators.Add(result =>
        {
            var host = result.GetValueOrDefault<string>();
            if (host != "localhost" && !IPAddress.TryParse(host, out _))
            {
                result.AddError($"--host takes an IP address or localhost, not '{host}'.");
            }
        });
    }

    public ServerOptions Read(ParseResult result) => new(
        result.GetValue(_host)!,
        (int)(result.GetValue(_port) ?? 8000),
        ReadGateway(result),
        ToTimeSpan(result.GetValue(_shutdownTimeout)) ?? TimeSpan.FromSeconds(30),
        result.GetValue(_logFormat) == "json" ? LogFormat.Json : LogFormat.Text)
    {
        SequenceLogs = result.GetValue(_maxRetainedBytes) is { } bytes ? new SequenceLogOptions { MaxRetainedBytes = bytes } : new SequenceLogOptions(),
    };

    private GatewayOptions ReadGateway(ParseResult result)
    {
        var keys = result.GetValue(_apiKeys) is { Length: > 0 } given ? given : KeysOfEnvironment(KeyVariable);
        var standard = new GatewayOptions();
        return standard with
        {
            ApiKeys = Named("key", keys),
            PriorityApiKeys = Named("priority-key", result.GetValue(_priorityApiKeys) ?? []),
            AdminKey = result.GetValue(_adminKey) ?? KeysOfEnvironment(AdminKeyVariable).FirstOrDefault(),
            AllowedHosts = ReadAllowedHosts(result, keys),
            CorsOrigins = result.GetValue(_allowedOrigins) ?? [],
            RequestTimeout = ToTimeSpan(result.GetValue(_requestTimeout)),
            QueueTimeout = ToTimeSpan(result.GetValue(_queueTimeout)),
            SseKeepAlive = ToTimeSpan(result.GetValue(_sseKeepAlive)) ?? standard.SseKeepAlive,
            MaxParsedBytes = result.GetValue(_maxParsedBytes) ?? standard.MaxParsedBytes,
            MaxWaitingBytes = result.GetValue(_maxWaitingBytes) ?? standard.MaxWaitingBytes,
            MaxCollectedBytes = result.GetValue(_maxCollectedBytes) ?? standard.MaxCollectedBytes,
            Version = typeof(ServerArguments).Assembly.GetName().Version?.ToString(3) ?? "0.0.0",
        };
    }

    private string[]? ReadAllowedHosts(ParseResult result, string[] keys) => result.GetValue(_allowedHosts) switch
    {
        { Length: > 0 } given => given,
        _ => keys.Length == 0 && ServerOptions.IsLoopback(result.GetValue(_host)!) ? [] : null,
    };

    private static IReadOnlyList<ApiKey> Named(string name, string[] keys) =>
        [.. keys.Select((key, index) => new ApiKey(FormattableString.Invariant($"{name}-{index + 1}"), key))];

    private static string[] KeysOfEnvironment(string variable) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } key ? [key] : [];

    private static void CheckVariable(CommandResult result, Option option, string variable)
    {
        if (result.GetResult(option) is null && KeysOfEnvironment(variable).Any(key => !GatewayOptionsValidator.IsKey(key)))
        {
            result.AddError($"{variable} has white space at its ends, and no client can send such a key: take it away.");
        }
    }

    private static TimeSpan? ToTimeSpan(double? seconds) => seconds is { } value ? TimeSpan.FromSeconds(value) : null;

    /// <param name="takes">What the option takes, said of a value that it does not take.</param>
    private static Option<string[]> Texts(string name, string helpName, string description, Func<string, bool> isValid, Func<string, string> takes)
    {
        var option = new Option<string[]>(name) { HelpName = helpName, Description = description, AllowMultipleArgumentsPerToken = true };
        option.Validators.Add(result =>
        {
            if (result.Tokens.FirstOrDefault(text => !isValid(text.Value)) is { } wrong)
            {
                result.AddError($"{name} takes {takes(wrong.Value)}.");
            }
        });
        return option;
    }

    private static Option<double?> Seconds(string name, string description) =>
        Decimals.Option(name, "SECONDS", description, "seconds from 0 to 1000000", seconds => seconds is >= 0 and <= 1e6);
}
