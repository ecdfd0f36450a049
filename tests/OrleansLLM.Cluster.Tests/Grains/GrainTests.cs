using OrleansLLM.Sequences;

namespace OrleansLLM.Cluster.Tests;

/// <summary>The way of a request through all grains.</summary>
[Collection(nameof(SplitCluster))]
public sealed class GrainTests(SplitCluster cluster) : GrainTest(cluster)
{
    [Fact]
    public async Task Tokens_travel_from_the_worker_to_the_readers_of_the_gateway()
    {
        var engine = await AttachAsync();
        var ids = await SubmitAsync(samples: 2);
        engine.Publish(3, 50, ids);
        engine.Publish(4, 51, ids);
        engine.Publish(ids, id => new StepEntry(id, engine.EpochOf(id), 5, 2, null, null, 0, new SequenceEnd(FinishReason.Stop, 2)));

        Assert.All(await Task.WhenAll(ids.Select(ReadAsync)), answer =>
        {
            Assert.Equal([50, 51, 2], answer.Ids);
            Assert.Equal(new SequenceEnd(FinishReason.Stop, 2), answer.End);
        });
    }

    [Fact]
    public async Task The_worker_gets_the_request_as_it_was_submitted()
    {
        var engine = await AttachAsync();
        var request = Request() with { Samples = 2, Tenant = "tenant", Sampling = new SamplingParameters { Seed = 9 } };
        await Cluster.Generator.SubmitAsync(request, Cancellation);

        var attempt = Assert.Single(engine.Attempts);
        Assert.Equal(JournalFormat.Write(Journal.Begin(request)), JournalFormat.Write(Journal.Begin(attempt.Request)));
        Assert.Equal(1, attempt.Epoch.Attempt);
        Assert.Equal([0, 1], attempt.Sequences.Select(sequence => sequence.Id.Index));
    }

    [Fact]
    public async Task Grains_live_where_their_keys_and_requests_say()
    {
        var engine = await AttachAsync(out var worker);
        var ids = await SubmitAsync();
        engine.Publish(3, 50, ids);
        await EndAsync(engine, ids, 4);

        var management = Cluster.Grains.GetGrain<IManagementGrain>(0);
        async Task<SiloAddress?> SiloOf(Orleans.Runtime.IAddressable grain) => await management.GetActivationAddress(grain);
        Assert.Equal(Cluster.WorkerAddress, await SiloOf(Cluster.Grains.GetGrain<IGpuWorkerGrain>(worker.ToString())));
        Assert.Equal(Cluster.GatewayAddress, await SiloOf(Cluster.Grains.GetGrain<ISequenceGrain>(ids[0].Request.ToString())));
        Assert.Equal(Cluster.GatewayAddress, await SiloOf(Cluster.Grains.GetGrain<IGatewaySinkGrain>(Cluster.GatewayName)));
        Assert.Equal(Cluster.GatewayAddress, await SiloOf(Cluster.Grains.GetGrain<IRouterGrain>(Model)));
    }

    [Fact]
    public async Task A_worker_of_a_silo_that_is_not_there_fails_at_once()
    {
        var error = await Assert.ThrowsAnyAsync<Exception>(() => Cluster.Grains.GetGrain<IGpuWorkerGrain>("nowhere/0").Redirect(null!));
        Assert.Contains("nowhere", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Tokens_of_an_older_epoch_are_dropped_and_their_sequences_ended_where_they_came_from()
    {
        var engine = await AttachAsync();
        var ids = await SubmitAsync();
        Cluster.Logs.RaiseEpoch(ids[0], engine.EpochOf(ids[0]).Next(0));
        engine.Publish(3, 66, ids);
        await InTime(engine.Ended(ids[0]));

        Assert.Equal(3, Cluster.Logs.Describe(ids[0])!.Tokens);
    }

    [Fact]
    public async Task A_repeated_token_is_dropped()
    {
        var engine = await AttachAsync();
        var ids = await SubmitAsync();
        engine.Publish(3, 50, ids);
        engine.Publish(3, 50, ids);
        await EndAsync(engine, ids, 4);

        Assert.Equal([50, 7], (await ReadAsync(ids[0])).Ids);
    }

    [Fact]
    public async Task A_lost_token_is_computed_again()
    {
        var engine = await AttachAsync();
        var ids = await SubmitAsync();
        engine.Publish(3, 50, ids);
        engine.Publish(5, 52, ids);
        await Until(() => engine.Attempts.Count == 2);

        Assert.Equal([50], Assert.Single(engine.Attempts.Last().Sequences).Output.ToArray());
        engine.Publish(4, 51, ids);
        await EndAsync(engine, ids, 5);
        Assert.Equal([50, 51, 7], (await ReadAsync(ids[0])).Ids);
    }

    [Fact]
    public async Task A_sequence_whose_last_reader_leaves_is_ended_in_its_engine()
    {
        var engine = await AttachAsync();
        var ids = await SubmitAsync(samples: 2);
        engine.Publish(3, 50, ids);
        await foreach (var range in Cluster.Generator.ReadAsync(ids[1], 3, Cancellation))
        {
            Assert.Equal(3, range.Start);
            break;
        }

        await InTime(engine.Ended(ids[1]));
        Assert.False(engine.Ended(ids[0]).IsCompleted);
    }

    [Fact]
    public async Task Cancel_ends_every_sequence_of_the_request()
    {
        var engine = await AttachAsync();
        var ids = await SubmitAsync(samples: 3);
        await Cluster.Generator.CancelAsync(ids[0].Request, Cancellation);

        Assert.All(ids, id => Assert.True(engine.Ended(id).IsCompleted));
        Assert.All(ids, id => Assert.Equal(FinishReason.Cancelled, Cluster.Logs.Describe(id)!.End!.Reason));
    }

    [Fact]
    public async Task A_submission_that_is_given_up_is_ended_in_its_engine()
    {
        var engine = await AttachAsync();
        var held = new TaskCompletionSource();
        var arrived = new TaskCompletionSource();
        engine.BeforeAnswer = () =>
        {
            arrived.SetResult();
            return held.Task;
        };
        using var giveUp = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var request = Request();
        var submission = Cluster.Generator.SubmitAsync(request, giveUp.Token).AsTask();
        await InTime(arrived.Task);
        await giveUp.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => submission);
        held.SetResult();

        await InTime(engine.Ended(new SequenceId(request.Id, 0)));
    }

    [Fact]
    public async Task A_refusal_comes_back_with_its_numbers_and_leaves_nothing()
    {
        var engine = await AttachAsync();
        engine.Refusal = new SubmitResult.Refused(RefusalReason.QueueFull, "1024 requests wait.", TimeSpan.FromSeconds(3));
        var request = Request();

        Assert.Equal(engine.Refusal, await Cluster.Generator.SubmitAsync(request, Cancellation));
        Assert.Null(Cluster.Logs.Find(request.Id));
        engine.Refusal = null;
        Assert.IsType<SubmitResult.Accepted>(await Cluster.Generator.SubmitAsync(request, Cancellation));
    }

    [Fact]
    public async Task A_fork_of_an_ended_sequence_is_an_attempt_that_begins_with_its_tokens()
    {
        var engine = await AttachAsync();
        var ids = await SubmitAsync();
        engine.Publish(3, 50, ids);
        engine.Publish(4, 51, ids);
        await EndAsync(engine, ids, 5);

        var forked = Assert.IsType<SubmitResult.Accepted>(await Cluster.Generator.ForkAsync(ids[0], 4, 2, Cancellation));
        Assert.Equal([1, 2], forked.Sequences.Select(id => id.Index));
        var attempt = engine.Attempts.Last();
        Assert.All(attempt.Sequences, sequence => Assert.Equal([50], sequence.Output.ToArray()));
        engine.Publish(4, 60, [.. forked.Sequences]);
        await EndAsync(engine, forked.Sequences, 5);
        Assert.Equal([50, 60, 7], (await ReadAsync(forked.Sequences[1])).Ids);
    }

    [Fact]
    public async Task A_running_sequence_is_described_as_its_engine_sees_it()
    {
        await AttachAsync();
        var ids = await SubmitAsync();

        Assert.Equal(
            new SequenceDescription(ids[0], SequencePhase.Preempted, 3, 4, 2, null),
            await Cluster.Generator.DescribeAsync(ids[0], Cancellation));
    }

    [Fact]
    public async Task The_fleet_knows_workers_and_models()
    {
        await AttachAsync(out var id);

        var worker = Assert.Single(await Cluster.Fleet.GetWorkersAsync(Cancellation), worker => worker.Id == id);
        Assert.Equal((Model, "fingerprint", WorkerPhase.Ready, 64), (worker.Model, worker.Fingerprint, worker.Phase, worker.Load.TotalBlocks));
        Assert.Contains(new ModelDescription(Model, 1024, 100), await Cluster.Fleet.GetModelsAsync(Cancellation));
    }
}
