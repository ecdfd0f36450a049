using System.CommandLine;
using System.Diagnostics;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OrleansLLM.Cli.Arguments;
using OrleansLLM.Cli.Serving;
using OrleansLLM.Cluster;
using OrleansLLM.Hosting;

namespace OrleansLLM.Cli.Commands;

/// <summary><c>serve</c>: one process, one model, a cluster of one.</summary>
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

    private readonly ModelArguments _model = new();

    public static Command Create()
    {
        var options = new ServeCommand();
        var command = new Command("serve", "Serve a model over the OpenAI API.");
        command.Arguments.Add(options._path);
        command.Options.Add(options._names);
        options._server.AddTo(command);
        options._model.AddTo(command);
        command.SetAction(options.RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult result, CancellationToken cancellation)
    {
        var started = Stopwatch.GetTimestamp();
        var model = _model.Read(result, result.GetValue(_path)!, result.GetValue(_names) ?? []);
        var server = _server.Read(result);
        using var logs = Logs.OfServer(server.LogFormat);
        var failures = new FailureReport(server.LogFormat, logs);
        failures.WatchForCrashes();
        try
        {
            if (await ServeAsync(model, server, logs, started, cancellation).ConfigureAwait(false) is not { } failure)
            {
                return 0;
            }

            failures.Add(failure);
        }
        catch (Exception error) when (server.LogFormat == LogFormat.Json)
        {
            failures.Add(error);
        }

        return 1;
    }

    /// <summary>Null once it was asked to stop, else why it could not serve.</summary>
    private static async Task<string?> ServeAsync(
        ModelOptions modelOptions, ServerOptions serverOptions, Logs logs, long started, CancellationToken cancellation)
    {
        var workers = new TaskCompletionSource<LocalWorkers>(TaskCreationOptions.RunContinuationsAsynchronously);
        var siloStart = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var model = new ModelHost(ending => LoadAsync(modelOptions, workers.Task, siloStart.Task, logs.Factory, ending));
        var app = ServeHost.Build(serverOptions, model, builder => Configure(builder, serverOptions, logs));
        workers.SetResult(app.Services.GetRequiredService<LocalWorkers>());
        await using (app.ConfigureAwait(false))
        {
            try
            {
                await app.StartAsync(cancellation).ConfigureAwait(false);
            }
            catch (Exception error) when (WhyNotListening(error, serverOptions) is { } reason)
            {
                await model.DisposeAsync().ConfigureAwait(false); // it attaches to the silo, so it ends first
                return reason;
            }
            finally
            {
                siloStart.SetResult();
            }

            return await AnnounceAndWaitAsync(app, model, modelOptions.Path, started).ConfigureAwait(false);
        }
    }

    private static string? WhyNotListening(Exception error, ServerOptions options) => error switch
    {
        IOException { InnerException: AddressInUseException } => FormattableString.Invariant($"Port {options.Port} of {options.Host} is in use: take another with --port, or 0 for any."),
        SocketException => FormattableString.Invariant($"Nothing can listen on port {options.Port} of {options.Host}: {error.Message}. Take others with --host and --port."),
        _ => null,
    };

    private static void Configure(WebApplicationBuilder builder, ServerOptions options, Logs logs)
    {
        builder.Services.AddSingleton(options.SequenceLogs);
        builder.Services.AddSingleton(logs.Factory);
        builder.Services.AddSingleton(logs.Output);
        builder.Services.AddSingleton<IHostLifetime, DrainingLifetime>();
        builder.Services.AddHostedService<StatisticsReporter>();
        builder.Services.AddSingleton<Announcer>();
        builder.AddClusterOfOne();
    }

    /// <summary>Loads while the silo starts; the model counts as loaded once its worker is known to the cluster.</summary>
    private static async Task<LoadedModel> LoadAsync(
        ModelOptions options, Task<LocalWorkers> workers, Task siloStart, ILoggerFactory loggers, CancellationToken ending)
    {
        var loaded = await ModelLoader.LoadAsync(options, null, ending, siloStart, loggers).ConfigureAwait(false);
        await (await workers.ConfigureAwait(false)).AttachAsync(0, loaded.Engine, ending).ConfigureAwait(false);
        return loaded;
    }

    private static async Task<string?> AnnounceAndWaitAsync(WebApplication app, ModelHost model, string path, long started)
    {
        var announcer = app.Services.GetRequiredService<Announcer>();
        announcer.OnListening(path);
        try
        {
            var stopped = app.WaitForShutdownAsync();
            if (await Task.WhenAny(model.Loaded, stopped).ConfigureAwait(false) == model.Loaded)
            {
                var loaded = await model.Loaded.ConfigureAwait(false);
                announcer.OnReady(loaded, Stopwatch.GetElapsedTime(started));
            }

            await stopped.ConfigureAwait(false);
            return null;
        }
        catch (ModelLoadException error)
        {
            await app.StopAsync().ConfigureAwait(false);
            return error.Message;
        }
    }
}
