using System.CommandLine;
using OrleansLLM.Cli.Client;

namespace OrleansLLM.Cli.Arguments;

/// <summary>Which server a command talks to.</summary>
internal sealed class ClientArguments
{
    private readonly Option<string> _url;

    private readonly Option<string?> _model = new("--model") { HelpName = "NAME", Description = "Default: the first that the server lists." };

    private readonly Option<string?> _apiKey = new("--api-key")
    {
        HelpName = "KEY",
        Description = "Default: the variable OPENAI_API_KEY, if it is set.",
    };

    /// <param name="urlName">What the option is called that names the server.</param>
    public ClientArguments(string urlName)
    {
        _url = new Option<string>(urlName)
        {
            HelpName = "URL",
            Description = "An OpenAI server, with or without /v1.",
            DefaultValueFactory = _ => "http://127.0.0.1:8000",
        };
    }

    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { _url, _model, _apiKey })
        {
            command.Options.Add(option);
        }

        _url.Validators.Add(result =>
        {
            var text = result.GetValueOrDefault<string>();
            if (!Uri.TryCreate(text, UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https"))
            {
                result.AddError($"{_url.Name} takes an address such as http://127.0.0.1:8000, not '{text}'.");
            }
        });
    }

    public ServerClient Connect(ParseResult result)
    {
        var url = result.GetValue(_url)!.TrimEnd('/');
        var address = new Uri((url.EndsWith("/v1", StringComparison.Ordinal) ? url[..^3] : url) + "/");
        return new ServerClient(address, result.GetValue(_apiKey) ?? Environment.GetEnvironmentVariable("OPENAI_API_KEY"));
    }

    public async Task<string> GetModelAsync(ParseResult result, ServerClient client, CancellationToken cancellation) =>
        result.GetValue(_model) ?? await client.GetModelAsync(cancellation).ConfigureAwait(false);
}
