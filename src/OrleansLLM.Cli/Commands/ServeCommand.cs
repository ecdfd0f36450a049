using System.CommandLine;
using System.Diagnostics;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
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
        var modelOptions = _model.Read(result, result.GetValue(_path)!, result.GetValue(_names) ?? []);
        var serverOptions = _server.Read(result);
        var workers = new TaskCompletionSource<LocalWorkers>(TaskCreationOptions.RunContinuationsAsynchronously);
        var siloStart = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var model = new ModelHost(ending => LoadAsync(modelOptions, workers.Task, siloStart.Task, ending));
        var app = ServeHost.Build(serverOptions, model, builder => Configure(builder, serverOptions));
        workers.SetResult(app.Services.GetRequiredService<LocalWorkers>());
        await using (app.ConfigureAwait(false))
        {
            try
            {
                await app.StartAsync(cancellation).ConfigureAwait(false);
            }
            catch (IOException error) when (error.InnerException is AddressInUseException)
            {
                return await GiveUpAsync(model, $"Port {serverOptions.Port} of {serverOptions.Host} is in use: take another with --port, or 0 for any.")
                    .ConfigureAwait(false);
            }
            catch (SocketException error)
            {
                return await GiveUpAsync(
                    model,
                    $"Nothing can listen on port {serverOptions.Port} of {serverOptions.Host}: {error.Message}. Take others with --host and --port.")
                    .ConfigureAwait(false);
            }
            finally
            {
                siloStart.SetResult();
            }

            return await AnnounceAndWaitAsync(app, model, modelOptions.Path, started).ConfigureAwait(false);
        }
    }

    private static void Configure(WebApplicationBuilder builder, ServerOptions options)
    {
        Logs.Add(builder.Logging, options.LogFormat);
        builder.Services.AddSingleton<IHostLifetime, DrainingLifetime>();
        builder.Services.AddHostedService<StatisticsReporter>();
        builder.Services.AddSingleton<Announcer>();
        builder.AddClusterOfOne();
    }

    /// <summary>Loads while the silo starts; the model counts as loaded once its worker is known to the cluster.</summary>
    private static async Task<LoadedModel> LoadAsync(
        ModelOptions options, Task<LocalWorkers> workers, Task siloStart, CancellationToken ending)
    {
        var loaded = await ModelLoader.LoadAsync(options, null, ending, siloStart).ConfigureAwait(false);
        await (await workers.ConfigureAwait(false)).AttachAsync(0, loaded.Engine, ending).ConfigureAwait(false);
        return loaded;
    }

    private static async Task<int> AnnounceAndWaitAsync(WebApplication app, ModelHost model, string path, long started)
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
            return 0;
        }
        catch (ModelLoadException error)
        {
            await app.StopAsync().ConfigureAwait(false);
            return await FailAsync(error.Message).ConfigureAwait(false);
        }
    }

    /// <summary>Ends the load while the silo that it attaches to is still there.</summary>
    private static async Task<int> GiveUpAsync(ModelHost model, string message)
    {
        await model.DisposeAsync().ConfigureAwait(false);
        return await FailAsync(message).ConfigureAwait(false);
    }

    private static async Task<int> FailAsync(string message)
    {
        await Console.Error.WriteLineAsync(message).ConfigureAwait(false);
        return 1;
    }
}
