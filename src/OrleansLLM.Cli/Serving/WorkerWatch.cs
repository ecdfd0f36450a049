using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OrleansLLM.Text;

namespace OrleansLLM.Cli.Serving;

/// <summary>Looks once a second which workers serve a gateway's model, and says in the log where there are none, or some again.</summary>
internal sealed partial class WorkerWatch(IFleet fleet, FleetModels models, TimeProvider time, ILogger<WorkerWatch> logger) : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            var model = await models.Text.WaitAsync(stoppingToken).ConfigureAwait(false);
            while (true)
            {
                await LookAsync(model, stoppingToken).ConfigureAwait(false);
                await Task.Delay(Period, time, stoppingToken).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // The host stops.
        }
        catch (Exception) when (models.Text.IsFaulted)
        {
            // Said by whoever waits for the model.
        }
    }

    private async Task LookAsync(ServedModel model, CancellationToken cancellation)
    {
        try
        {
            var workers = (await fleet.GetWorkersAsync(cancellation).ConfigureAwait(false))
                .Where(worker => worker.Model == model.Name && worker.Phase == WorkerPhase.Ready).Select(worker => worker.Id).ToList();
            var known = models.Workers.Count;
            models.Note(workers);
            if (models.Models.Count == 0)
            {
                await BeginAsync(model, cancellation).ConfigureAwait(false);
            }
            else if (known > 0 && workers.Count == 0)
            {
                LogNobody(model.Name);
            }
            else if (known == 0 && workers.Count > 0)
            {
                LogAgain(model.Name, string.Join(", ", workers));
            }
        }
        catch (Exception error) when (error is not OperationCanceledException)
        {
            LogUnknown(error.Message);
        }
    }

    private async Task BeginAsync(ServedModel model, CancellationToken cancellation)
    {
        var served = await fleet.GetModelsAsync(cancellation).ConfigureAwait(false);
        if (models.Workers.Count > 0 && served.FirstOrDefault(known => known.Name == model.Name) is { } facts)
        {
            models.Begin(model, facts.MaxLength);
        }
    }

    [LoggerMessage(LogLevel.Warning, "No worker serves {Model} any more: new requests are refused until one does")]
    private partial void LogNobody(string model);

    [LoggerMessage(LogLevel.Information, "{Model} is served again, by {Workers}")]
    private partial void LogAgain(string model, string workers);

    [LoggerMessage(LogLevel.Debug, "Which workers there are can't be found out now: {Reason}")]
    private partial void LogUnknown(string reason);
}
