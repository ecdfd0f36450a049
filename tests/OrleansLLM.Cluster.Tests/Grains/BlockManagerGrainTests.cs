using System.Runtime.InteropServices;
using OrleansLLM.Sequences;

namespace OrleansLLM.Cluster.Tests;

[Collection(nameof(SplitCluster))]
public sealed class BlockManagerGrainTests(SplitCluster cluster) : GrainTest(cluster)
{
    [Fact]
    public async Task The_block_pool_of_a_worker_has_an_address()
    {
        var engine = await AttachAsync(out var worker);
        var blocks = Cluster.Grains.GetGrain<IBlockManagerGrain>(worker.ToString());
        var ids = await SubmitAsync();

        var load = (await blocks.GetLoad())!.ToLoad();
        Assert.Equal((64, 3, 2), (load.TotalBlocks, load.UsedBlocks, load.CachedBlocks));
        Assert.Equal(4, await blocks.MatchPrefix(new PrefixQuery(MemoryMarshal.AsBytes([1, 2, 3, 4, 5]).ToArray(), "")));
        var child = new SequenceId(ids[0].Request, 1);
        Assert.Equal([child], (await blocks.Fork(new ForkMessage(2, [child], engine.IdOf(ids[0])))).Sequences);
    }

    [Fact]
    public async Task A_worker_without_an_engine_has_no_blocks()
    {
        var worker = new WorkerId(Cluster.WorkerName, 900);
        var blocks = Cluster.Grains.GetGrain<IBlockManagerGrain>(worker.ToString());

        Assert.Null(await blocks.GetLoad());
        Assert.Equal(0, await blocks.MatchPrefix(new PrefixQuery([1, 0, 0, 0], "")));
        Assert.Equal(
            new SubmitResult.Refused(RefusalReason.UnknownSequence, $"No engine is attached to worker {worker} yet."),
            (await blocks.Fork(new ForkMessage(1, [], new AttemptId(new SequenceId(RequestId.Create(), 0), default)))).ToResult());
    }
}
