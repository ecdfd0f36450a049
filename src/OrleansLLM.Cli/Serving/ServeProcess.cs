using System.Diagnostics;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using OrleansLLM.Cli.Arguments;
using OrleansLLM.Cluster;
using OrleansLLM.Gateway;
using OrleansLLM.Hosting;
using OrleansLLM.Text;

namespace OrleansLLM.Cli.Serving;

/// <summary>One process of a server, by its role: gateway, worker, or both. Runs once.</summary>
/// <param name="started">When the program did, a timestamp.</param>
internal sealed class ServeProcess(
    ModelOptions modelOptions, ServerOptions serverOptions, ClusterMemberOptions memberOptions, Logs logs, FailureReport failures, long started)
{
    private bool IsAlone => memberOptions.Clustering is Clustering.Local;

    /// <summary>Null once it was asked to stop, else why it could not serve.</summary>
    /// <exception cref="SiloStartException">It can't be a member of its cluster.</exception>
    public Task<string?> RunAsync(CancellationToken cancellation) =>
        memberOptions.Roles == SiloRoles.Gateway ? RunGatewayAsync(cancellation) : RunEngineAsync(cancellation);

    private async Task<string?> RunEngineAsync(CancellationToken cancellation)
    {
        var isWorker = memberOptions.Roles == SiloRoles.Worker;
        var workers = new TaskCompletionSource<LocalWorkers>(TaskCreationOptions.RunContinuationsAsynchronously);
        var siloStart = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var model = new ModelHost(ending => LoadAsync(workers.Task, siloStart.Task, ending));
        var app = Build(
            model,
            services =>
            {
                services.AddSingleton<IDrain>(provider => new EngineDrain(
                    model, provider.GetRequiredService<ActiveRequests>(), IsAlone ? null : provider.GetRequiredService<LocalWorkers>()));
                if (isWorker)
                {
                    services.AddHostedService<GatewayWatch>();
                }
            },
            isWorker ? ServerSurface.Probes : ServerSurface.Everything);
        workers.SetResult(app.Services.GetRequiredService<LocalWorkers>());
        var announcer = app.Services.GetRequiredService<Announcer>();
        await using (app.ConfigureAwait(false))
        {
            return await ServeAsync(app, model, siloStart, () => announcer.OnListening(modelOptions.Path), async () =>
            {
                var loaded = await model.Loaded.ConfigureAwait(false);
                announcer.OnReady(loaded, Stopwatch.GetElapsedTime(started));
                if (!isWorker)
                {
                    announcer.WriteTrial(loaded.Served);
                }
            }, cancellation).ConfigureAwait(false);
        }
    }

    private async Task<string?> RunGatewayAsync(CancellationToken cancellation)
    {
        await using var fleet = new FleetModels(ending => ModelLoader.LoadTextAsync(modelOptions, ending, logs.Factory));
        var app = Build(
            fleet,
            services => services.AddSingleton(fleet).AddSingleton<IDrain, GatewayDrain>().AddHostedService<WorkerWatch>(),
            ServerSurface.Everything);
        var announcer = app.Services.GetRequiredService<Announcer>();
        await using (app.ConfigureAwait(false))
        {
            return await ServeAsync(app, fleet, null, () => announcer.OnWaiting(modelOptions.Name), async () =>
            {
                await fleet.Served.ConfigureAwait(false);
                announcer.OnServed(fleet, Stopwatch.GetElapsedTime(started));
            }, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Starts it, and waits for its end.</summary>
    /// <param name="models">Ends with a start that failed, before the silo does.</param>
    /// <param name="whenReady">Completes when its model is served; fails as loading does.</param>
    private async Task<string?> ServeAsync(
        WebApplication app, IAsyncDisposable models, TaskCompletionSource? siloStart, Action onListening, Func<Task> whenReady, CancellationToken cancellation)
    {
        ExitWhenDead(app);
        try
        {
            await app.StartAsync(cancellation).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (app.Lifetime.ApplicationStopping.IsCancellationRequested)
        {
            return null;
        }
        catch (Exception error) when (WhyNotStarted(app, error) is { } reason)
        {
            await models.DisposeAsync().ConfigureAwait(false);
            return reason;
        }
        finally
        {
            siloStart?.SetResult();
        }

        if (!IsAlone)
        {
            app.Services.GetRequiredService<Announcer>().OnJoined(app.Services.GetRequiredService<ClusterView>(), memberOptions);
        }

        onListening();
        return await WaitAsync(app, whenReady()).ConfigureAwait(false);
    }

    private static async Task<string?> WaitAsync(WebApplication app, Task ready)
    {
        try
        {
            var stopped = app.WaitForShutdownAsync();
            if (await Task.WhenAny(ready, stopped).ConfigureAwait(false) == ready)
            {
                await ready.ConfigureAwait(false);
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

    /// <summary>What a silo does that is called dead counts for nobody: it ends at once.</summary>
    private void ExitWhenDead(WebApplication app) => app.Services.GetService<SiloDeath>()?.Declared.ContinueWith(
        death =>
        {
            failures.Add(death.Result);
            logs.Dispose();
            Environment.Exit(SiloDeath.ExitCode);
        },
        TaskScheduler.Default);

    /// <summary>What gateways make of clients' keys is the same at each of them.</summary>
    private ServerOptions WithSecret() => memberOptions.SecretFile is { } file
        ? serverOptions with { Gateway = serverOptions.Gateway with { ClusterSecret = ClusterSecret.Read(file).Sign("gateway") } }
        : serverOptions;

    private WebApplication Build(IServedModels models, Action<IServiceCollection> add, ServerSurface surface) => ServeHost.Build(
        WithSecret(),
        models,
        builder =>
        {
            builder.Services.AddSingleton(serverOptions.SequenceLogs);
            builder.Services.AddSingleton(logs.Factory);
            builder.Services.AddSingleton(logs.Output);
            builder.Services.AddSingleton<IHostLifetime, DrainingLifetime>();
            builder.Services.AddHostedService<StatisticsReporter>();
            builder.Services.AddSingleton<Announcer>();
            builder.AddClusterMember(memberOptions);
            if (!IsAlone)
            {
                builder.Services.AddSingleton<IReadiness>(services => new ClusterReadiness(services.GetRequiredService<ClusterView>(), services.GetService<FleetModels>()));
            }

            add(builder.Services);
        },
        surface);

    /// <summary>Loads while the silo starts; the model counts as loaded once its worker is known to the cluster.</summary>
    private async Task<LoadedModel> LoadAsync(Task<LocalWorkers> workers, Task siloStart, CancellationToken ending)
    {
        var loaded = await ModelLoader.LoadAsync(modelOptions, null, ending, siloStart, logs.Factory).ConfigureAwait(false);
        await (await workers.ConfigureAwait(false)).AttachAsync(0, loaded.Engine, ending).ConfigureAwait(false);
        return loaded;
    }

    private string? WhyNotStarted(WebApplication app, Exception error) => error switch
    {
        IOException { InnerException: AddressInUseException } => FormattableString.Invariant($"Port {serverOptions.Port} of {serverOptions.Host} is in use: take another with --port, or 0 for any."),
        SocketException when IsAlone || app.Services.GetRequiredService<ClusterView>().IsJoined => FormattableString.Invariant($"Nothing can listen on port {serverOptions.Port} of {serverOptions.Host}: {error.Message}. Take others with --host and --port."),
        _ when IsAlone => null,
        AddressInUseException => $"The port for other silos is in use: give another with --silo-port. {error.Message}",
        _ => $"This silo could not join cluster {memberOptions.ClusterId} over {memberOptions.Clustering}: {WhyNotJoined(error)}",
    };

    private static string WhyNotJoined(Exception error)
    {
        var cause = error;
        while (cause is not SiloStartException && cause.InnerException is { } inner)
        {
            cause = inner;
        }

        return cause is SiloStartException ? cause.Message : $"{cause.Message} Look at --clustering and --clustering-connection.";
    }
}
