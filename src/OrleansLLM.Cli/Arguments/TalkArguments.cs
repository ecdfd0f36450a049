using System.CommandLine;
using System.Text.Json.Nodes;
using OrleansLLM.Cli.Client;

namespace OrleansLLM.Cli.Arguments;

/// <summary>Whom <c>chat</c> and <c>complete</c> talk to, and how answers are drawn.</summary>
internal sealed class TalkArguments
{
    private readonly ClientArguments _server = new("--url");

    private readonly Option<double?> _temperature = new("--temperature") { HelpName = "T", Description = "0 is greedy. Default: the model's." };

    private readonly Option<double?> _topP = new("--top-p") { HelpName = "P", Description = "Default: the model's." };

    private readonly Option<long?> _maxTokens = ModelArguments.Number("--max-tokens", "TOKENS", "Tokens of an answer at most.", 1, int.MaxValue);

    private readonly Option<long?> _seed = ModelArguments.Number("--seed", "SEED", "The same seed draws the same answer.", 0, long.MaxValue);

    public void AddTo(Command command)
    {
        _server.AddTo(command);
        foreach (var option in new Option[] { _temperature, _topP, _maxTokens, _seed })
        {
            command.Options.Add(option);
        }
    }

    /// <summary>Runs <paramref name="talk"/> with a connected client and the model's name.</summary>
    public async Task<int> RunAsync(ParseResult result, Func<OpenAIClient, string, Task<int>> talk, CancellationToken cancellation)
    {
        using var client = _server.Connect(result);
        try
        {
            var model = await _server.GetModelAsync(result, client, cancellation).ConfigureAwait(false);
            return await talk(client, model).ConfigureAwait(false);
        }
        catch (HttpRequestException error)
        {
            await Console.Error.WriteLineAsync($"{client.BaseAddress}: {error.Message}").ConfigureAwait(false);
            return 1;
        }
    }

    public JsonObject CreateBody(ParseResult result, string model)
    {
        var body = new JsonObject { ["model"] = model };
        Set("temperature", result.GetValue(_temperature) is { } temperature ? JsonValue.Create(temperature) : null);
        Set("top_p", result.GetValue(_topP) is { } topP ? JsonValue.Create(topP) : null);
        Set("max_tokens", result.GetValue(_maxTokens) is { } maxTokens ? JsonValue.Create(maxTokens) : null);
        Set("seed", result.GetValue(_seed) is { } seed ? JsonValue.Create(seed) : null);
        return body;

        void Set(string name, JsonValue? value)
        {
            if (value is not null)
            {
                body[name] = value;
            }
        }
    }
}
