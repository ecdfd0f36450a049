using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Configuration;
using Orleans.TestingHost;
using OrleansLLM.Sequences;

namespace OrleansLLM.Cluster.Tests;

/// <summary>Two gateways and a worker in this process; the gateway that took the requests dies, or is asked through the other one.</summary>
public sealed class AdoptionTests : IAsyncLifetime
{
    private static readonly TokenLogprobs Logprobs = new(-0.5f, 2, new[] { 4, 9 }, new[] { -0.25f, -0.5f });

    private readonly InProcessTestCluster _cluster;
    private readonly ManualEngine _engine = new("model");
    private readonly GenerationRequest _request = new() { Id = RequestId.Create(), Model = "model", PromptIds = new[] { 1, 2, 3 }, MaxTokens = 10, Samples = 2 };

    private Func<Task> _beforeStep = () => Task.CompletedTask;

    public AdoptionTests()
    {
        var builder = new InProcessTestClusterBuilder(3);
        builder.Options.ConfigureFileLogging = false;
        builder.ConfigureSilo((options, silo) =>
        {
            silo.AddOrleansLLMGrains(options.SiloName.EndsWith('2') ? SiloRoles.Worker : SiloRoles.Gateway);
            silo.Configure<SiloMessagingOptions>(messaging => messaging.ResponseTimeout = TimeSpan.FromSeconds(2));
            if (options.SiloName.EndsWith('0'))
            {
                silo.AddIncomingGrainCallFilter(async call =>
                {
                    await (call.MethodName == nameof(IGatewaySinkGrain.OnStep) ? _beforeStep() : Task.CompletedTask);
                    await call.Invoke();
                });
            }
        });
        _cluster = builder.Build();
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private IGenerator Dying => ServicesOf(0).GetRequiredService<IGenerator>();

    private IGenerator Other => ServicesOf(1).GetRequiredService<IGenerator>();

    private SequenceLogs Logs => ServicesOf(1).GetRequiredService<SequenceLogs>();

    public async ValueTask InitializeAsync()
    {
        await _cluster.DeployAsync();
        await ServicesOf(2).GetRequiredService<LocalWorkers>().AttachAsync(0, _engine, Cancellation);
        await Until(() => new[] { 0, 1 }.All(silo => ServicesOf(silo).GetRequiredService<FleetWatch>().Choosable.Count == 1));
    }

    public async ValueTask DisposeAsync() => await _cluster.DisposeAsync();

    [Fact]
    public async Task Sequences_of_a_dead_gateway_go_on_in_another_with_every_token_and_nothing_is_computed_again()
    {
        var ids = await SubmitAsync(_request);
        _engine.Publish(ids, id => Entry(id, 3, 50) with { Logprobs = Logprobs, CachedTokens = 2 });
        _engine.Publish(4, 51, ids);
        await Until(() => ids.All(id => ServicesOf(0).GetRequiredService<SequenceLogs>().Describe(id)!.Tokens == 5));
        await Dying.ChangeAsync(ids[0], new SequenceChange(MaxTokens: 9), Cancellation);
        var fork = Assert.IsType<SubmitResult.Accepted>(await Dying.ForkAsync(ids[1], 4, 1, Cancellation)).Sequences[0];
        var killing = KillAsync();
        _engine.Publish(5, 52, ids);
        _engine.Publish(6, 53, ids);
        await killing;
        await Until(() => ids.All(id => Logs.Describe(id)?.Tokens == 7));
        _engine.Publish(7, 54, ids);
        _engine.Publish(4, 60, fork);
        await EndAsync([.. ids], 8);
        await EndAsync([fork], 5);

        Assert.All(await Task.WhenAll(ids.Select(ReadAsync)), answer => Assert.Equal("50 51 52 53 54 7", answer.Ids));
        Assert.Equal("50 60 7", (await ReadAsync(fork)).Ids);
        Assert.Equal(Logprobs.Logprob, (await ReadAsync(ids[1])).First!.Logprob);
        Assert.Equal([new JournalChange(_engine.ChangesHoldFrom, new SequenceChange(MaxTokens: 9))], Logs.JournalOf(ids[0])!.Changes);
        Assert.Equal((2, 1), (Logs.Describe(ids[0])!.CachedTokens, _engine.Attempts.Count));
    }

    [Fact]
    public async Task What_a_worker_computed_while_its_gateway_hung_goes_to_the_next_and_is_not_computed_again()
    {
        var ids = await SubmitAsync(_request);
        _engine.Publish(3, 50, ids);
        await Until(() => ids.All(id => ServicesOf(0).GetRequiredService<SequenceLogs>().Describe(id)!.Tokens == 4));
        var (entered, hang) = (new TaskCompletionSource(), new TaskCompletionSource());
        _beforeStep = () =>
        {
            entered.TrySetResult();
            return hang.Task;
        };
        _engine.Publish(4, 51, ids);
        await entered.Task.WaitAsync(Cancellation);
        _engine.Publish(5, 52, ids);
        _engine.Publish(ids, id => Entry(id, 6, 7) with { End = new SequenceEnd(FinishReason.Length) });
        await KillAsync();
        await Until(() => ids.All(id => Logs.Describe(id) is { Phase: SequencePhase.Ended }));

        Assert.All(await Task.WhenAll(ids.Select(ReadAsync)), answer => Assert.Equal("50 51 52 7", answer.Ids));
        Assert.Single(_engine.Attempts);
        hang.SetResult();
    }

    [Fact]
    public async Task Each_sequence_of_a_dead_gateway_counts_as_adopted_once_and_as_no_attempt()
    {
        using var readings = new MeterReadings("model", ServicesOf(1).GetRequiredService<IMeterFactory>());
        var ids = await SubmitAsync(_request);
        _engine.Publish(3, 50, ids);
        await Until(() => ServicesOf(0).GetRequiredService<SequenceLogs>().Describe(ids[0])!.Tokens == 4);
        await KillAsync();
        await Until(() => ids.All(id => Logs.Describe(id)?.Tokens == 4));
        _engine.Publish(4, 51, ids);
        await EndAsync(ids, 5);

        var worker = new WorkerId(_cluster.Silos.Single(silo => silo.Name.EndsWith('2')).Name, 0);
        await Until(() => readings.Sum("orleansllm.adoptions", worker) == 2);
        Assert.Empty(readings.Causes("orleansllm.attempts", worker));
        Assert.Equal(0, readings.Count("orleansllm.reader_gap_seconds", worker));
    }

    [Fact]
    public async Task A_dead_gateways_sequence_still_says_which_engines_computed_it()
    {
        var ids = await SubmitAsync(_request);
        _engine.Publish(3, 50, ids);
        var next = new ManualEngine("model");
        next.Served = next.Served with { Fingerprint = "next" };
        await ServicesOf(2).GetRequiredService<LocalWorkers>().AttachAsync(1, next, Cancellation);
        await Until(() => ServicesOf(0).GetRequiredService<FleetWatch>().Choosable.Count == 2);
        _engine.Publish([ids[0]], id => Entry(id, 4, 0) with { Token = null, End = new SequenceEnd(FinishReason.Failed, Message: "It broke.") });
        await Until(() => !next.Attempts.IsEmpty);
        next.Publish(4, 51, ids[0]);
        await Until(() => ServicesOf(0).GetRequiredService<SequenceLogs>().Describe(ids[0])!.Tokens == 5);
        await KillAsync();
        await Until(() => Logs.Describe(ids[0])?.Tokens == 5 && Logs.Describe(ids[1])?.Tokens == 4);

        Assert.Equal([new(3, "fingerprint"), new FingerprintMark(4, "next")], Logs.FingerprintsOf(ids[0]));
        Assert.Equal([new FingerprintMark(3, "fingerprint")], Logs.FingerprintsOf(ids[1]));
    }

    /// <summary>As a gateway counts: tokens behind what was read before, and an end that nobody had.</summary>
    [Fact]
    public async Task Readers_at_two_gateways_together_get_each_token_and_the_end_as_new_once()
    {
        var ids = await SubmitAsync(_request with { Linger = TimeSpan.FromMinutes(1) });
        var (tokens, ends) = (new int[2], new int[2]);
        var reading = Enumerable.Range(0, 6).Select(reader => Task.Run(async () =>
        {
            foreach (var (id, index) in ids.Select((id, index) => (id, index)))
            {
                await foreach (var range in (reader % 2 == 0 ? Dying : Other).ReadAsync(id, 3, Cancellation))
                {
                    Interlocked.Add(ref tokens[index], range.Start + range.Ids.Length - Math.Max(range.Start, Math.Min(range.ReadBefore, range.Start + range.Ids.Length)));
                    Interlocked.Add(ref ends[index], range is { End: not null, IsEndRead: false } ? 1 : 0);
                }
            }
        })).ToList();
        for (var position = 3; position < 40; position++)
        {
            _engine.Publish(position, 50, ids);
            await Task.Yield();
        }

        _engine.Publish(ids, id => Entry(id, 40, 7) with { End = new SequenceEnd(FinishReason.Length) });
        await Task.WhenAll(reading).WaitAsync(TimeSpan.FromSeconds(30), Cancellation);

        Assert.Equal([38, 38], tokens);
        Assert.Equal([1, 1], ends);
    }

    [Fact]
    public async Task Who_submits_a_request_that_another_gateway_has_joins_it()
    {
        Assert.False(Assert.IsType<SubmitResult.Accepted>(await Dying.SubmitAsync(_request, Cancellation)).IsKnown);
        foreach (var generator in new[] { Dying, Other })
        {
            Assert.True(Assert.IsType<SubmitResult.Accepted>(await generator.SubmitAsync(_request, Cancellation)).IsKnown);
        }
    }

    [Fact]
    public async Task What_had_ended_can_still_be_read()
    {
        var ids = await SubmitAsync(_request);
        _engine.Publish(3, 50, ids);
        _engine.Publish(4, 51, ids);
        _engine.Publish(5, 52, ids);
        await Until(() => ServicesOf(0).GetRequiredService<SequenceLogs>().Describe(ids[1])!.Tokens == 6);
        Assert.True(await Dying.FinishAsync(ids[0], 5, FinishReason.Stop, Cancellation));
        _engine.Publish([ids[1]], id => Entry(id, 6, 7) with { End = new SequenceEnd(FinishReason.Length) });
        await KillAsync();
        await Until(() => ids.All(id => Logs.Describe(id) is { Phase: SequencePhase.Ended }));

        Assert.Equal(("50 51", FinishReason.Stop), Short(await ReadAsync(ids[0])));
        Assert.Equal(("50 51 52 7", FinishReason.Length), Short(await ReadAsync(ids[1])));
    }

    [Fact]
    public async Task A_gateway_that_adopted_can_die_too_where_another_one_joins()
    {
        var ids = await SubmitAsync(_request);
        _engine.Publish(3, 50, ids);
        await KillAsync();
        await Until(() => Logs.Describe(ids[0])?.Tokens == 4);
        await KillAsync('1');
        _engine.Publish(4, 51, ids);
        var third = await JoinAsync();
        await Until(() => ids.All(id => third.Describe(id)?.Tokens == 5));
        Assert.Single(_engine.Attempts);
    }

    [Fact]
    public async Task A_dead_gateways_sequence_that_nobody_comes_back_for_is_cancelled_after_its_linger()
    {
        Assert.Equal(TimeSpan.FromSeconds(30), Adoption.Linger);
        var ids = await SubmitAsync(_request);
        await KillAsync();
        await Until(() => Logs.Describe(ids[0]) is not null);
        await ServicesOf(1).GetRequiredService<IGenerator>().CancelAsync(_request.Id, Cancellation);
        await Task.WhenAll(ids.Select(_engine.Ended)).WaitAsync(TimeSpan.FromSeconds(30), Cancellation);
    }

    [Fact]
    public async Task A_sequence_is_read_and_steered_through_a_gateway_that_does_not_hold_it()
    {
        var ids = await SubmitAsync(_request with { Sampling = new SamplingParameters { Logprobs = 1 } });
        _engine.Publish(ids, id => Entry(id, 3, 50) with { Logprobs = Logprobs });
        var reading = ReadAllAsync(Other, ids[0], from: 0);
        _engine.Publish(4, 51, ids);
        var known = (await Other.FindAsync(_request.Id, Cancellation))!;
        Assert.Equal(ids, known.Sequences);
        Assert.Equal([1, 2, 3], known.Request.PromptIds.ToArray());
        Assert.Equal(SequencePhase.Preempted, (await Other.DescribeAsync(ids[0], Cancellation))!.Phase);
        Assert.Equal(5, await Other.ChangeAsync(ids[0], new SequenceChange(MaxTokens: 9), Cancellation));
        Assert.True(await Other.FinishAsync(ids[0], 5, FinishReason.Stop, Cancellation));
        Assert.Equal("1 2 3 50 51", await reading.WaitAsync(TimeSpan.FromSeconds(30), Cancellation));
        await Other.CancelAsync(_request.Id, Cancellation);
        await Task.WhenAll(ids.Select(_engine.Ended)).WaitAsync(TimeSpan.FromSeconds(30), Cancellation);
        Assert.Null(Logs.Find(_request.Id));
    }

    [Fact]
    public async Task The_fleet_tells_who_is_there_and_how_many_sequences_may_lose_their_gateway()
    {
        var ids = await SubmitAsync(_request);
        var fleet = ServicesOf(1).GetRequiredService<IFleet>();
        ClusterDescription cluster;
        do
        {
            cluster = await fleet.DescribeAsync(Cancellation);
        }
        while (cluster.Copied < 2);

        Assert.Equal((ids.Length, 2), (cluster.Sequences, cluster.Copied));
        Assert.Equal(["gateway", "gateway", "worker"], cluster.Silos.SelectMany(silo => silo.Roles));
        var worker = Assert.Single(cluster.Workers);
        Assert.True(worker.Incarnation > 0);
        Assert.InRange(worker.ReportAge, TimeSpan.Zero, TimeSpan.FromSeconds(5));
    }

    [Fact]
    public async Task What_nobody_knows_is_unknown_at_once_and_leaves_no_grain()
    {
        var id = new SequenceId(RequestId.Create(), 0);
        Assert.Null(await Other.FindAsync(id.Request, Cancellation));
        Assert.Null(await Other.DescribeAsync(id, Cancellation));
        Assert.Null(await Other.ChangeAsync(id, new SequenceChange(MaxTokens: 1), Cancellation));
        Assert.False(await Other.FinishAsync(id, 1, FinishReason.Stop, Cancellation));
        await Other.CancelAsync(id.Request, Cancellation);
        await Assert.ThrowsAsync<UnknownSequenceException>(() => ReadAllAsync(Other, id, 0));
        await Assert.ThrowsAsync<UnknownSequenceException>(async () => await Other.ForkAsync(id, 1, 1, Cancellation));
        await GrainLeftAsync(id.Request).WaitAsync(TimeSpan.FromSeconds(30), Cancellation);
    }

    [Fact]
    public async Task Who_comes_back_before_the_adoption_waits_for_it()
    {
        var ids = await SubmitAsync(_request);
        _engine.Publish(3, 50, ids);
        await Until(() => ServicesOf(0).GetRequiredService<SequenceLogs>().Describe(ids[0])!.Tokens == 4);
        var killing = KillAsync();
        Assert.Equal(ids, (await Other.FindAsync(_request.Id, Cancellation))!.Sequences);
        await killing;
    }

    [Fact]
    public async Task A_reader_that_comes_back_and_leaves_again_ends_nothing()
    {
        var ids = await SubmitAsync(_request);
        _engine.Publish(3, 50, ids);
        await Until(() => ids.All(id => ServicesOf(0).GetRequiredService<SequenceLogs>().Describe(id)!.Tokens == 4));
        await KillAsync();
        await Until(() => ids.All(id => Logs.Describe(id)?.Tokens == 4));
        await using (var reader = Logs.ReadAsync(ids[0], 3, Cancellation).GetAsyncEnumerator(Cancellation))
        {
            Assert.True(await reader.MoveNextAsync());
        }

        Assert.NotEqual(SequencePhase.Ended, Logs.Describe(ids[0])!.Phase);
        _engine.Publish(4, 51, ids);
        await Until(() => Logs.Describe(ids[0])!.Tokens == 5);
    }

    [Fact]
    public async Task A_dead_gateways_late_word_ends_nothing()
    {
        var ids = await SubmitAsync(_request);
        var dead = ServicesOf(0).GetRequiredService<SiloContext>().AsGateway;
        await KillAsync();
        await Until(() => Logs.Describe(ids[0]) is not null && ServicesOf(2).GetRequiredService<SiloContext>().IsDead(dead.Address));
        var worker = ServicesOf(1).GetRequiredService<SiloContext>().WorkerOf(ServicesOf(1).GetRequiredService<FleetWatch>().Reports[0].Worker);
        AttemptEndMessage[] ends = [new(_engine.IdOf(ids[0]), null, null)];
        await worker.Abort(ends, dead);
        Assert.False(_engine.Ended(ids[0]).IsCompleted);
        await worker.Abort(ends, ServicesOf(1).GetRequiredService<SiloContext>().AsGateway);
        Assert.True(_engine.Ended(ids[0]).IsCompleted);
    }

    [Fact]
    public async Task What_no_worker_holds_is_unknown_at_once_though_a_gateway_died()
    {
        await SubmitAsync(_request);
        await KillAsync();
        await Until(() => Logs.Find(_request.Id) is not null);
        Assert.True(ServicesOf(1).GetRequiredService<FleetWatch>().HasDiedLately);
        Assert.Null(await Other.FindAsync(RequestId.Create(), Cancellation).AsTask().WaitAsync(RemoteSequences.Patience / 2, Cancellation));
    }

    private async Task GrainLeftAsync(RequestId request)
    {
        var grains = ServicesOf(1).GetRequiredService<IGrainFactory>();
        while (await grains.GetGrain<IManagementGrain>(0).GetActivationAddress(grains.GetGrain<ISequenceGrain>(request.ToString())) is not null)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(5), Cancellation);
        }
    }

    private static async Task<string> ReadAllAsync(IGenerator generator, SequenceId id, int from)
    {
        List<int> ids = [];
        await foreach (var range in generator.ReadAsync(id, from, Cancellation))
        {
            ids.AddRange(range.Ids.ToArray());
        }

        return string.Join(' ', ids);
    }

    private async Task<SequenceId[]> SubmitAsync(GenerationRequest request) =>
        [.. Assert.IsType<SubmitResult.Accepted>(await Dying.SubmitAsync(request, Cancellation)).Sequences];

    private Task KillAsync(char number = '0') => _cluster.KillSiloAsync(_cluster.Silos.Single(silo => silo.Name.EndsWith(number)));

    private async Task<SequenceLogs> JoinAsync() =>
        _cluster.GetSiloServiceProvider((await _cluster.StartAdditionalSiloAsync()).SiloAddress).GetRequiredService<SequenceLogs>();

    private async Task EndAsync(SequenceId[] ids, int position)
    {
        _engine.Publish(ids, id => Entry(id, position, 7) with { End = new SequenceEnd(FinishReason.Length) });
        await Until(() => ids.All(id => Logs.Describe(id) is { Phase: SequencePhase.Ended }));
    }

    private StepEntry Entry(SequenceId id, int position, int token) => new(id, _engine.EpochOf(id), position, token, null, null, 0, null);

    private async Task<(string Ids, SequenceEnd? End, TokenLogprobs? First)> ReadAsync(SequenceId id)
    {
        List<int> ids = [];
        TokenLogprobs? first = null;
        await foreach (var range in Logs.ReadAsync(id, 3, Cancellation))
        {
            ids.AddRange(range.Ids.ToArray());
            first ??= range.Logprobs.Length > 0 ? range.Logprobs.Span[0] : null;
            if (range.End is not null)
            {
                return (string.Join(' ', ids), range.End, first);
            }
        }

        return (string.Join(' ', ids), null, first);
    }

    private static (string, FinishReason) Short((string Ids, SequenceEnd? End, TokenLogprobs?) answer) => (answer.Ids, answer.End!.Reason);

    private IServiceProvider ServicesOf(int silo) =>
        _cluster.GetSiloServiceProvider(_cluster.Silos.Single(handle => handle.Name.EndsWith((char)('0' + silo))).SiloAddress);

    private static async Task Until(Func<bool> condition)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        patience.CancelAfter(TimeSpan.FromSeconds(30));
        while (!condition())
        {
            await Task.Delay(TimeSpan.FromMilliseconds(5), patience.Token);
        }
    }
}
