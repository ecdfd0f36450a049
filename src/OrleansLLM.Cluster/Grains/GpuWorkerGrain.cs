using Orleans.Concurrency;
using Orleans.Placement;
using OrleansLLM.Sequences;

namespace OrleansLLM.Cluster;

/// <inheritdoc cref="IGpuWorkerGrain"/>
[GrainType("worker"), PinnedPlacement, Immovable, KeepAlive, Reentrant]
internal sealed class GpuWorkerGrain(LocalWorkers workers) : Grain, IGpuWorkerGrain
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private LocalWorker? Worker => workers.Find(this.GetPrimaryKeyString());

    public async Task<SubmitReply> Submit(AttemptMessage message)
    {
        if (Worker is not { } worker)
        {
            return SubmitReply.Refuse(RefusalReason.Unavailable, $"No engine is attached to worker {this.GetPrimaryKeyString()} yet.");
        }

        if (worker.Incarnation != message.Incarnation)
        {
            return SubmitReply.Refuse(RefusalReason.Unavailable, $"Worker {worker.Id} was started anew.");
        }

        var journal = message.Journal.Read();
        worker.Suspect.Arrive(journal.Request.Id);
        var attempt = new Attempt(journal.Request, new Epoch(message.Epoch), journal.Sequences);
        var result = await worker.Engine.SubmitAsync(attempt, worker.OutletTo(message.Gateway), CancellationToken.None);
        workers.Hurry();
        return SubmitReply.From(result);
    }

    public Task<bool> TakeSeat(SequenceId sequence) => Worker?.Suspect.TakeAsync(sequence.Request, Patience) ?? Task.FromResult(false);

    public async Task<int?> Change(AttemptChangeMessage message) => Worker is { } worker
        ? await worker.Engine.ChangeAsync(message.Attempt, JournalFormat.ReadChange(message.Change), CancellationToken.None)
        : null;

    public async Task Abort(AttemptId[] attempts)
    {
        if (Worker is not { } worker)
        {
            return;
        }

        foreach (var attempt in attempts)
        {
            await worker.Engine.AbortAsync(attempt, CancellationToken.None);
            worker.Suspect.Leave(attempt.Sequence.Request);
        }
    }

    public async Task<DescriptionReply?> Describe(AttemptId attempt) =>
        Worker is { } worker ? DescriptionReply.From(await worker.Engine.DescribeAsync(attempt, CancellationToken.None)) : null;
}
