using OrleansLLM.Sequences;

namespace OrleansLLM.Cluster.Tests;

[Collection(nameof(SplitCluster))]
public sealed class GpuWorkerGrainTests(SplitCluster cluster) : GrainTest(cluster)
{
    private GatewayMessage Gateway => new(Cluster.GatewayName, Cluster.GatewayAddress.ToParsableString());

    [Fact]
    public async Task A_worker_without_an_engine_refuses_and_knows_nothing()
    {
        var id = new WorkerId(Cluster.WorkerName, 901);
        var worker = Cluster.Grains.GetGrain<IGpuWorkerGrain>(id.ToString());
        var request = Request();
        var attempt = new AttemptId(new SequenceId(request.Id, 0), new Epoch(1));
        var reply = await worker.Submit(new AttemptMessage(JournalMessage.From(Journal.Begin(request)), Gateway, Epoch: 1, Incarnation: 1, []));

        Assert.Equal(new SubmitResult.Refused(RefusalReason.Unavailable, $"No engine is attached to worker {id} yet."), reply.ToResult());
        Assert.Null(await worker.Change(new AttemptChangeMessage(attempt, JournalFormat.WriteChange(new SequenceChange()))));
        Assert.Null(await worker.Describe(attempt));
        Assert.False(await worker.TakeSeat(attempt.Sequence));
        await worker.Abort([new AttemptEndMessage(attempt, null, null)], Gateway);
        Assert.Empty(await worker.GetCopies(attempt.Sequence));
        Assert.Empty(await worker.Redirect(new RedirectMessage(attempt, Gateway, 0)));
    }

    [Fact]
    public async Task All_named_sequences_are_aborted()
    {
        var engine = await AttachAsync(out var id);
        var ids = await SubmitAsync(samples: 3);
        await Cluster.Grains.GetGrain<IGpuWorkerGrain>(id.ToString()).Abort([.. ids[1..].Select(sequence => new AttemptEndMessage(engine.IdOf(sequence), null, null))], Gateway);

        Assert.Equal([false, true, true], ids.Select(sequence => engine.Ended(sequence).IsCompleted));
    }

    [Fact]
    public async Task An_attempt_for_an_engine_that_was_here_before_is_refused()
    {
        var engine = await AttachAsync(out var id);
        var reply = await Cluster.Grains.GetGrain<IGpuWorkerGrain>(id.ToString()).Submit(
            new AttemptMessage(JournalMessage.From(Journal.Begin(Request())), Gateway, Epoch: 1, Incarnation: 1, []));

        Assert.Equal(new SubmitResult.Refused(RefusalReason.Unavailable, $"Worker {id} was started anew."), reply.ToResult());
        Assert.Empty(engine.Attempts);
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
        var incarnation = Cluster.Workers.Find(id.ToString())!.Incarnation;
        while (!reports.Done.IsCompleted)
        {
            await worker.Submit(new AttemptMessage(JournalMessage.From(Journal.Begin(Request())), Gateway, Epoch: 1, incarnation, []));
        }

        await InTime(reports.Done);
    }
}
