using System.CommandLine;
using System.Net;
using OrleansLLM.Gateway;

namespace OrleansLLM.Cli.Arguments;

internal enum LogFormat
{
    Text,
    Json,
}

/// <summary>How the server meets its clients.</summary>
/// <param name="ApiKeys">Empty = none is asked for.</param>
/// <param name="RequestTimeout">From submission to the last token; null = no limit.</param>
/// <param name="QueueTimeout">From submission to the first step; null = no limit.</param>
/// <param name="ShutdownTimeout">How long a stop waits for what runs.</param>
internal sealed record ServerOptions(
    string Host, int Port, IReadOnlyList<string> ApiKeys, IReadOnlyList<string> AllowedOrigins, TimeSpan? RequestTimeout,
    TimeSpan? QueueTimeout, TimeSpan ShutdownTimeout, LogFormat LogFormat)
{
    /// <summary>Whether other machines can reach it.</summary>
    public bool IsOpenToOthers => !(Host == "localhost" || (IPAddress.TryParse(Host, out var address) && IPAddress.IsLoopback(address)));
}

internal sealed class ServerArguments
{
    private const string KeyVariable = "ORLEANSLLM_API_KEY";

    private readonly Option<string> _host = new("--host")
    {
        HelpName = "ADDRESS",
        Description = "Where to listen; 0.0.0.0 is every IPv4 address.",
        DefaultValueFactory = _ => "127.0.0.1",
    };

    private readonly Option<long?> _port = ModelArguments.Number("--port", "PORT", "Default: 8000. 0 takes a free one.", 0, 65_535);

    private readonly Option<string[]> _apiKeys = new("--api-key")
    {
        HelpName = "KEY",
        Description = $"Keys, one of which a request must show as Authorization: Bearer KEY. Default: the variable {KeyVariable}, else none.",
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<string[]> _allowedOrigins = new("--allowed-origins")
    {
        HelpName = "ORIGIN",
        Description = "Web origins whose pages may call this server (CORS); * is any. Default: none.",
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<double?> _requestTimeout = Seconds("--request-timeout", "Ends an answer after that long (408). Default: no limit.");

    private readonly Option<double?> _queueTimeout = Seconds(
        "--queue-timeout", "Refuses a request that waited that long for its first step (503). Default: no limit.");

    private readonly Option<double?> _shutdownTimeout = Seconds(
        "--shutdown-timeout", "How long a stop (SIGTERM, Ctrl-C) lets running answers go on. Default: 30.");

    private readonly Option<string> _logFormat = ModelArguments.Choice("--log-format", "Log lines for people or for machines.", "text", "text", "json");

    public void AddTo(Command command)
    {
        foreach (var option in new Option[]
        {
            _host, _port, _apiKeys, _allowedOrigins, _requestTimeout, _queueTimeout, _shutdownTimeout, _logFormat,
        })
        {
            command.Options.Add(option);
        }

        command.Validators.Add(result =>
        {
            if (result.GetResult(_apiKeys) is null && KeyOfEnvironment().Any(key => !GatewayOptionsValidator.IsKey(key)))
            {
                result.AddError($"{KeyVariable} has white space at its ends, and no client can send such a key: take it away.");
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
        _apiKeys.Validators.Add(result =>
        {
            if (result.Tokens.Any(key => !GatewayOptionsValidator.IsKey(key.Value)))
            {
                result.AddError("--api-key takes a key that is not empty and has no space at its ends.");
            }
        });
        _allowedOrigins.Validators.Add(result =>
        {
            if (result.Tokens.FirstOrDefault(origin => !GatewayOptionsValidator.IsOrigin(origin.Value)) is { } wrong)
            {
                result.AddError($"--allowed-origins takes origins such as https://example.org, without a path or a slash at the end, not '{wrong.Value}'.");
            }
        });
    }

    public ServerOptions Read(ParseResult result) => new(
        result.GetValue(_host)!,
        (int)(result.GetValue(_port) ?? 8000),
        result.GetValue(_apiKeys) is { Length: > 0 } keys ? keys : KeyOfEnvironment(),
        result.GetValue(_allowedOrigins) ?? [],
        ToTimeSpan(result.GetValue(_requestTimeout)),
        ToTimeSpan(result.GetValue(_queueTimeout)),
        ToTimeSpan(result.GetValue(_shutdownTimeout)) ?? TimeSpan.FromSeconds(30),
        result.GetValue(_logFormat) == "json" ? LogFormat.Json : LogFormat.Text);

    private static string[] KeyOfEnvironment() =>
        Environment.GetEnvironmentVariable(KeyVariable) is { Length: > 0 } key ? [key] : [];

    private static TimeSpan? ToTimeSpan(double? seconds) => seconds is { } value ? TimeSpan.FromSeconds(value) : null;

    private static Option<double?> Seconds(string name, string description)
    {
        var option = new Option<double?>(name) { HelpName = "SECONDS", Description = description };
        option.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<double?>() is < 0 or > 1e6 or double.NaN)
            {
                result.AddError($"{name} takes seconds from 0 to 1000000.");
            }
        });
        return option;
    }
}
