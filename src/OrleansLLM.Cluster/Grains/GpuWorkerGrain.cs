using Orleans.Concurrency;
using Orleans.Placement;
using OrleansLLM.Sequences;

namespace OrleansLLM.Cluster;

/// <inheritdoc cref="IGpuWorkerGrain"/>
[GrainType("worker"), PinnedPlacement, Immovable, KeepAlive, Reentrant]
internal sealed class GpuWorkerGrain(LocalWorkers workers) : Grain, IGpuWorkerGrain
{
    private static readonly TimeSpan ReportPeriod = TimeSpan.FromSeconds(1);

    private LocalWorker? Worker => workers.Find(this.GetPrimaryKeyString());

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        this.RegisterGrainTimer(_ => Announce(), ReportPeriod, ReportPeriod);
        return Task.CompletedTask;
    }

    public Task Announce() => Worker?.Report() is { } report
        ? GrainFactory.GetGrain<IRouterGrain>(report.Model.Name).Report(report)
        : Task.CompletedTask;

    public async Task<SubmitReply> Submit(AttemptMessage message)
    {
        if (Worker is not { } worker)
        {
            return SubmitReply.Refuse(RefusalReason.Unavailable, $"No engine is attached to worker {this.GetPrimaryKeyString()} yet.");
        }

        var journal = message.Journal.Read();
        var attempt = new Attempt(journal.Request, message.Epoch, journal.Sequences);
        var result = await worker.Engine.SubmitAsync(attempt, worker.OutletTo(message.Gateway), CancellationToken.None);
        Announce().Ignore();
        return SubmitReply.From(result);
    }

    public async Task<int?> Change(ChangeMessage message) => Worker is { } worker
        ? await worker.Engine.ChangeAsync(message.Sequence, JournalFormat.ReadChange(message.Change), CancellationToken.None)
        : null;

    public async Task<bool> Abort(SequenceId[] sequences)
    {
        foreach (var sequence in sequences)
        {
            await (Worker?.Engine.AbortAsync(sequence, CancellationToken.None) ?? default);
        }

        return true;
    }

    public async Task<DescriptionReply?> Describe(SequenceId sequence) =>
        Worker is { } worker ? DescriptionReply.From(await worker.Engine.DescribeAsync(sequence, CancellationToken.None)) : null;

    public Task<WorkerReport?> GetReport() => Task.FromResult(Worker?.Report());
}
