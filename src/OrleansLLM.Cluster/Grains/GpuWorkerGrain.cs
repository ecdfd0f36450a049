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
        worker.Copies?.Begin(message);
        var result = await worker.Engine.SubmitAsync(attempt, worker.OutletTo(message.Gateway), CancellationToken.None);
        foreach (var refused in result is SubmitResult.Refused ? journal.Sequences : [])
        {
            worker.Copies?.Drop(new AttemptId(refused.Id, attempt.Epoch));
            worker.Suspect.Leave(refused.Id.Request);
        }

        workers.Hurry();
        return SubmitReply.From(result);
    }

    public Task<bool> TakeSeat(SequenceId sequence) => Worker?.Suspect.TakeAsync(sequence.Request, Patience) ?? Task.FromResult(false);

    public async Task<int?> Change(AttemptChangeMessage message)
    {
        var change = JournalFormat.ReadChange(message.Change);
        var position = Worker is { } worker ? await worker.Engine.ChangeAsync(message.Attempt, change, CancellationToken.None) : null;
        if (position is { } from)
        {
            Worker?.Copies?.Note(message.Attempt, new NotedChangeMessage(from, message.Change));
        }

        return position;
    }

    public Task Abort(AttemptEndMessage[] ends, GatewayMessage from) => Worker?.EndAsync(ends, from) ?? Task.CompletedTask;

    public Task<CopyMessage[]> GetCopies(SequenceId sequence) => Task.FromResult<CopyMessage[]>([.. Worker?.Copies?.Of(sequence.Request) ?? []]);

    public async Task<byte[]> Redirect(RedirectMessage message) => Worker is { } worker ? await worker.RedirectAsync(message) : [];

    public Task<WorkerReport?> Drain() => Task.FromResult(workers.AskToDrain(this.GetPrimaryKeyString()));

    public async Task<DescriptionReply?> Describe(AttemptId attempt) =>
        Worker is { } worker ? DescriptionReply.From(await worker.Engine.DescribeAsync(attempt, CancellationToken.None)) : null;
}
