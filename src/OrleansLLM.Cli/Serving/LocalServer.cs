using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OrleansLLM.Cli.Arguments;
using OrleansLLM.Cli.Client;
using OrleansLLM.Cli.Terminal;
using OrleansLLM.Gateway;
using OrleansLLM.Hosting;

namespace OrleansLLM.Cli.Serving;

/// <summary>
/// A server inside this process for one terminal: the gateway over the bare engine, on a free port, behind a key that only this process
/// knows. So chat and complete have one road, whoever answers.
/// </summary>
internal sealed class LocalServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ModelHost _model;
    private readonly string _key;

    private LocalServer(WebApplication app, ModelHost model, string key)
    {
        (_app, _model, _key) = (app, model, key);
    }

    /// <param name="loggers">Gets the engine's log, and must outlive the server.</param>
    /// <exception cref="ModelLoadException">The model can't be served.</exception>
    public static async Task<LocalServer> StartAsync(ModelOptions options, ILoggerFactory loggers, CancellationToken cancellation)
    {
        var key = RandomNumberGenerator.GetHexString(32);
        var model = await LoadAsync(options, loggers).ConfigureAwait(false);
        var server = new ServerOptions("127.0.0.1", 0, new GatewayOptions { ApiKeys = [new ApiKey("terminal", key)] }, TimeSpan.Zero, LogFormat.Text);
        var app = ServeHost.Build(server, model, builder => builder.Services
            .AddSingleton(model)
            .AddSingleton<IGenerator, ModelGenerator>()
            .AddSingleton<IHostLifetime, TerminalLifetime>());
        await app.StartAsync(cancellation).ConfigureAwait(false);
        return new LocalServer(app, model, key);
    }

    public ServerClient Connect()
    {
        var addresses = _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!;
        return new ServerClient(new Uri(addresses.Addresses.Single() + "/"), _key);
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync().ConfigureAwait(false);
        await _model.DisposeAsync().ConfigureAwait(false);
    }

    private static async Task<ModelHost> LoadAsync(ModelOptions options, ILoggerFactory loggers)
    {
        ModelHost? host = null;
        try
        {
            await LoadingDisplay.RunAsync(
                options.Path,
                progress =>
                {
                    host = new ModelHost(ending => ModelLoader.LoadAsync(options, progress, ending, loggers: loggers));
                    return host.Loaded;
                }).ConfigureAwait(false);
            return host!;
        }
        catch when (host is not null)
        {
            await host.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Signals are the terminal's: Ctrl-C ends an answer or the program, never the server alone.</summary>
    private sealed class TerminalLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
