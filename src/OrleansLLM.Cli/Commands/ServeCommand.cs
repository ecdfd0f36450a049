using System.CommandLine;
using System.Diagnostics;
using OrleansLLM.Cli.Arguments;
using OrleansLLM.Cli.Serving;
using OrleansLLM.Cluster;

namespace OrleansLLM.Cli.Commands;

/// <summary><c>serve</c>: one process and one model, alone or as a silo of a cluster.</summary>
internal sealed class ServeCommand
{
    private readonly Argument<string> _path = new("model") { Description = "A Hugging Face folder, or a GGUF file (the first part of a split one)." };

    private readonly Option<string[]> _names = new("--served-model-name")
    {
        HelpName = "NAME",
        Description = "What requests call the model; further names are aliases. Default: the folder's or file's name.",
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly ServerArguments _server = new();

    private readonly ClusterArguments _cluster = new();

    private readonly ModelArguments _model = new();

    public static Command Create()
    {
        var options = new ServeCommand();
        var command = new Command("serve", "Serve a model over the OpenAI API.");
        command.Arguments.Add(options._path);
        command.Options.Add(options._names);
        options._server.AddTo(command);
        options._cluster.AddTo(command);
        options._model.AddTo(command);
        command.SetAction(options.RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult result, CancellationToken cancellation)
    {
        var started = Stopwatch.GetTimestamp();
        var model = _model.Read(result, result.GetValue(_path)!, result.GetValue(_names) ?? []);
        var (server, member) = (_server.Read(result), _cluster.Read(result));
        using var logs = Logs.OfServer(server.LogFormat);
        var failures = new FailureReport(server.LogFormat, logs);
        failures.WatchForCrashes();
        try
        {
            var process = new ServeProcess(model, server, member, logs, failures, started);
            if (await process.RunAsync(cancellation).ConfigureAwait(false) is not { } failure)
            {
                return 0;
            }

            failures.Add(failure);
        }
        catch (SiloStartException error)
        {
            failures.Add(error.Message);
        }
        catch (Exception error) when (server.LogFormat == LogFormat.Json)
        {
            failures.Add(error);
        }

        return 1;
    }
}
