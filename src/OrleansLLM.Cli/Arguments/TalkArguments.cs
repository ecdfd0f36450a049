using System.CommandLine;
using System.Text.Json.Nodes;
using OrleansLLM.Cli.Client;
using OrleansLLM.Cli.Serving;
using OrleansLLM.Hosting;

namespace OrleansLLM.Cli.Arguments;

/// <summary>Whom <c>chat</c> and <c>complete</c> talk to, and how answers are drawn.</summary>
internal sealed class TalkArguments
{
    private readonly Argument<string?> _path = new("path")
    {
        Description = "A Hugging Face folder or a GGUF file; without it, a server is asked.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly ClientArguments _server = new("--url");

    private readonly ModelArguments _local = new();

    private readonly Option<double?> _temperature = Decimals.Option("--temperature", "T", "0 is greedy. Default: the model's.");

    private readonly Option<double?> _topP = Decimals.Option("--top-p", "P", "Default: the model's.");

    private readonly Option<long?> _maxTokens = ModelArguments.Number("--max-tokens", "TOKENS", "Tokens of an answer at most.", 1, int.MaxValue);

    private readonly Option<long?> _seed = ModelArguments.Number("--seed", "SEED", "The same seed draws the same answer.", 0, long.MaxValue);

    public void AddTo(Command command)
    {
        command.Arguments.Add(_path);
        _server.AddTo(command);
        foreach (var option in new Option[] { _temperature, _topP, _maxTokens, _seed })
        {
            command.Options.Add(option);
        }

        _local.AddTo(command);
    }

    /// <summary>Runs <paramref name="talk"/> with a connected client and the model's name.</summary>
    public async Task<int> RunAsync(ParseResult result, Func<ServerClient, string, Task<int>> talk, CancellationToken cancellation)
    {
        if (result.GetValue(_path) is not { } path)
        {
            using var client = _server.Connect(result);
            return await TalkAsync(client).ConfigureAwait(false);
        }

        try
        {
            using var logs = Logs.OfTerminal();
            var local = await LocalServer.StartAsync(_local.Read(result, path, []), logs.Factory, cancellation).ConfigureAwait(false);
            await using (local.ConfigureAwait(false))
            {
                using var client = local.Connect();
                return await TalkAsync(client).ConfigureAwait(false);
            }
        }
        catch (ModelLoadException error)
        {
            await Console.Error.WriteLineAsync(error.Message).ConfigureAwait(false);
            return 1;
        }

        async Task<int> TalkAsync(ServerClient client)
        {
            try
            {
                return await talk(client, await _server.GetModelAsync(result, client, cancellation).ConfigureAwait(false)).ConfigureAwait(false);
            }
            catch (HttpRequestException error)
            {
                await Console.Error.WriteLineAsync($"{client.BaseAddress}: {error.Message}").ConfigureAwait(false);
                return 1;
            }
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
