namespace OrleansLLM.Cluster.Tests;

[Collection(nameof(SplitCluster))]
public sealed class GpuWorkerGrainTests(SplitCluster cluster) : GrainTest(cluster)
{
    [Fact]
    public async Task A_worker_without_an_engine_refuses_and_knows_nothing()
    {
        var id = new WorkerId(Cluster.WorkerName, 901);
        var worker = Cluster.Grains.GetGrain<IGpuWorkerGrain>(id.ToString());
        var request = Request();
        var sequence = new SequenceId(request.Id, 0);
        var reply = await worker.Submit(new AttemptMessage(JournalMessage.From(Journal.Begin(request)), 1, Cluster.GatewayName));

        Assert.Equal(new SubmitResult.Refused(RefusalReason.Unavailable, $"No engine is attached to worker {id} yet."), reply.ToResult());
        Assert.Null(await worker.Change(new ChangeMessage(sequence, JournalFormat.WriteChange(new SequenceChange()))));
        Assert.Null(await worker.Describe(sequence));
        Assert.Null(await worker.GetReport());
        Assert.True(await worker.Abort([sequence]));
        await worker.Announce();
    }

    [Fact]
    public async Task All_named_sequences_are_aborted()
    {
        var engine = await AttachAsync(out var id);
        var ids = await SubmitAsync(samples: 3);
        await Cluster.Grains.GetGrain<IGpuWorkerGrain>(id.ToString()).Abort(ids[1..]);

        Assert.Equal([false, true, true], ids.Select(sequence => engine.Ended(sequence).IsCompleted));
    }

    [Fact]
    public async Task A_worker_reports_again_and_again_without_being_asked()
    {
        var engine = await AttachAsync();
        var reports = new Countdown(2);
        engine.BeforeFacts = reports.Signal;

        await InTime(reports.Done);
    }

    [Fact]
    public async Task A_worker_reports_each_submission_at_once()
    {
        // More reports than the worker makes of itself while the test waits.
        var engine = await AttachAsync(out var id);
        var reports = new Countdown(100);
        engine.BeforeFacts = reports.Signal;
        var worker = Cluster.Grains.GetGrain<IGpuWorkerGrain>(id.ToString());
        var attempt = new AttemptMessage(JournalMessage.From(Journal.Begin(Request())), 1, Cluster.GatewayName);
        await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => worker.Submit(attempt)));

        await InTime(reports.Done);
    }
}
