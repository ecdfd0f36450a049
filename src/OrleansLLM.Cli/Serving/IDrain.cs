using OrleansLLM.Cluster;
using OrleansLLM.Hosting;

namespace OrleansLLM.Cli.Serving;

/// <summary>What a process has to finish before it may stop, by its role.</summary>
internal interface IDrain
{
    /// <summary>From now on nothing new is taken.</summary>
    void Begin();

    /// <summary>Completes when nothing runs any more.</summary>
    Task WhenDoneAsync(CancellationToken cancellation);

    /// <summary>Ends what still runs, and gives those who wait for it a moment to hear of it.</summary>
    Task EndRunningAsync();
}

/// <summary>A server with its engine: its own requests, and among several silos those of other gateways.</summary>
/// <param name="workers">Null where nobody else sends any.</param>
internal sealed class EngineDrain(ModelHost model, ActiveRequests active, LocalWorkers? workers) : IDrain
{
    /// <summary>How long the clients of ended answers have to hear of it.</summary>
    private static readonly TimeSpan FarewellTimeout = TimeSpan.FromSeconds(2);

    public void Begin() => model.BeginDrain();

    public Task WhenDoneAsync(CancellationToken cancellation) => workers is null || !model.Loaded.IsCompletedSuccessfully
        ? active.WhenNone().WaitAsync(cancellation)
        : Task.WhenAll(active.WhenNone().WaitAsync(cancellation), workers.DrainAsync(cancellation));

    public async Task EndRunningAsync()
    {
        if (model.Loaded.IsCompletedSuccessfully)
        {
            (await model.Loaded.ConfigureAwait(false)).Engine.Stop();
            await active.WhenNone().WaitAsync(FarewellTimeout).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}

/// <summary>A gateway without an engine: what still streams at the end is closed with its connections.</summary>
internal sealed class GatewayDrain(FleetModels models, ActiveRequests active) : IDrain
{
    public void Begin() => models.BeginDrain();

    public Task WhenDoneAsync(CancellationToken cancellation) => active.WhenNone().WaitAsync(cancellation);

    public Task EndRunningAsync() => Task.CompletedTask;
}
