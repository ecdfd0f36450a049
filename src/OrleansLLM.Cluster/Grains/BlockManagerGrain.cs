using System.Runtime.InteropServices;
using Orleans.Concurrency;
using Orleans.Placement;

namespace OrleansLLM.Cluster;

/// <inheritdoc cref="IBlockManagerGrain"/>
[GrainType("blocks"), PinnedPlacement, Immovable, KeepAlive, Reentrant]
internal sealed class BlockManagerGrain(LocalWorkers workers) : Grain, IBlockManagerGrain
{
    private LocalWorker? Worker => workers.Find(this.GetPrimaryKeyString());

    public Task<LoadMessage?> GetLoad() => Task.FromResult(Worker is { } worker ? LoadMessage.From(worker.Engine.Load) : null);

    public async Task<int> MatchPrefix(PrefixQuery query) => Worker is { } worker
        ? await worker.Engine.MatchPrefixAsync(MemoryMarshal.Cast<byte, int>(query.PromptIds).ToArray(), query.PrefixOwner, CancellationToken.None)
        : 0;

    public async Task<SubmitReply> Fork(ForkMessage message)
    {
        if (Worker is not { } worker)
        {
            return SubmitReply.Refuse(RefusalReason.UnknownSequence, $"No engine is attached to worker {this.GetPrimaryKeyString()} yet.");
        }

        worker.Copies?.Fork(message);
        return SubmitReply.From(await worker.Engine.ForkAsync(message.Parent, message.At, message.Children, CancellationToken.None));
    }
}
