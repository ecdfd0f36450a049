using OrleansLLM.Sequences;

namespace OrleansLLM.Cluster.Tests;

/// <summary>Silos that are gateways and workers: no one of them has both copies of a sequence where there is another.</summary>
public sealed class TwinsTests : IAsyncLifetime
{
    private const int Requests = 8;

    private readonly TwinCluster _cluster = new();
    private readonly List<ManualEngine> _engines = [new("model"), new("model")];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        await _cluster.InitializeAsync();
        await Task.WhenAll(_engines.Select((engine, silo) => _cluster[silo].Workers.AttachAsync(0, engine, Cancellation)));
        await Until(() => new[] { 0, 1 }.All(silo => _cluster[silo].Watch.Choosable.Count == 2));
    }

    public async ValueTask DisposeAsync() => await _cluster.DisposeAsync();

    [Fact]
    public async Task What_a_gateways_own_silo_computes_has_its_logs_at_another_gateway_that_forwards()
    {
        var ids = await SubmitAsync();
        Assert.All(_engines, engine => Assert.NotEmpty(engine.Attempts));
        Assert.All(ids, id => Assert.Null(_cluster[WorkerOf(id)].Logs.Describe(id)));
        Assert.All(ids, id => Assert.NotNull(_cluster[1 - WorkerOf(id)].Logs.Describe(id)));
        Publish(3, 50, ids);
        Publish(4, 51, ids, new SequenceEnd(FinishReason.Length));
        Assert.All(await Task.WhenAll(ids.Select(id => ReadAsync(0, id))), answer => Assert.Equal("50 51", answer));
    }

    [Fact]
    public async Task Two_copies_are_those_in_two_processes()
    {
        var ids = await SubmitAsync();
        await AllHaveTwoCopiesAsync(1);
        await _cluster.KillAsync(0);
        await PublishAsTheyMoveAsync(1, 3, 50, ids);
        await Until(() => ids.All(_cluster[1].IsRunning));
        var alone = await _cluster[1].Fleet.DescribeAsync(Cancellation);
        Assert.Equal((Requests, 0), (alone.Sequences, alone.Copied));
    }

    [Fact]
    public async Task A_silo_that_dies_takes_no_answer_with_it_and_the_next_one_does_not_when_all_have_two_copies_again()
    {
        var ids = await SubmitAsync();
        Publish(3, 50, ids);
        await Until(() => ids.All(id => _cluster[1 - WorkerOf(id)].Logs.Describe(id)!.Tokens == 4));
        await _cluster.KillAsync(0);
        await PublishAsTheyMoveAsync(1, 4, 51, ids);
        await Until(() => ids.All(id => _cluster[1].Logs.Describe(id) is { Tokens: 5 }));

        var third = await _cluster.JoinAsync();
        _engines.Add(new ManualEngine("model"));
        await third.Workers.AttachAsync(0, _engines[2], Cancellation);
        await AllHaveTwoCopiesAsync(1);
        Assert.All(ids, id => Assert.Equal(2, WorkerOf(id)));
        await _cluster.KillAsync(1);
        Publish(5, 52, ids);
        await Until(() => ids.All(id => third.Logs.Describe(id) is { Tokens: 6 }));
        Publish(6, 53, ids, new SequenceEnd(FinishReason.Length));
        Assert.All(await Task.WhenAll(ids.Select(id => ReadAsync(2, id))), answer => Assert.Equal("50 51 52 53", answer));
    }

    [Fact]
    public async Task A_reader_does_not_notice_that_the_gateway_with_the_logs_dies()
    {
        var ids = await SubmitAsync();
        var reading = ids.Select(id => ReadAsync(0, id)).ToList();
        Publish(3, 50, ids);
        await Until(() => ids.All(id => _cluster[1 - WorkerOf(id)].Logs.Describe(id)!.Tokens == 4));
        await _cluster.KillAsync(1);
        await PublishAsTheyMoveAsync(0, 4, 51, ids);
        Publish(5, 52, ids, new SequenceEnd(FinishReason.Length));
        Assert.All(await Task.WhenAll(reading).WaitAsync(TimeSpan.FromSeconds(30), Cancellation), answer => Assert.Equal("50 51 52", answer));
    }

    [Fact]
    public async Task A_request_that_was_asked_for_before_is_computed_where_its_logs_are_not()
    {
        for (var i = 0; i < Requests; i++)
        {
            var request = Request();
            Assert.Null(await _cluster[0].Generator.FindAsync(request.Id, Cancellation));
            var id = Assert.IsType<SubmitResult.Accepted>(await _cluster[0].Generator.SubmitAsync(request, Cancellation)).Sequences[0];
            Assert.Null(_cluster[WorkerOf(id)].Logs.Describe(id));
        }
    }

    private static GenerationRequest Request() =>
        new() { Id = RequestId.Create(), Model = "model", PromptIds = new[] { 1, 2, 3 }, MaxTokens = 10, Linger = TimeSpan.FromMinutes(1) };

    private async Task<SequenceId[]> SubmitAsync()
    {
        var ids = new List<SequenceId>();
        for (var i = 0; i < Requests; i++)
        {
            ids.AddRange(Assert.IsType<SubmitResult.Accepted>(await _cluster[0].Generator.SubmitAsync(Request(), Cancellation)).Sequences);
        }

        return [.. ids];
    }

    /// <summary>The silo whose engine has the newest attempt.</summary>
    private int WorkerOf(SequenceId id) => Enumerable.Range(0, _engines.Count).MaxBy(silo => _engines[silo].EpochOf(id));

    private void Publish(int position, int token, SequenceId[] ids, SequenceEnd? end = null)
    {
        foreach (var ofOne in ids.GroupBy(WorkerOf))
        {
            var engine = _engines[ofOne.Key];
            engine.Publish([.. ofOne], id => new StepEntry(id, engine.EpochOf(id), position, token, null, null, 0, end));
        }
    }

    /// <summary>Of requests under which a worker died one runs at a time, until its next token.</summary>
    private async Task PublishAsTheyMoveAsync(int silo, int position, int token, SequenceId[] ids)
    {
        var left = ids.ToHashSet();
        await Until(() =>
        {
            var moved = left.Where(id => WorkerOf(id) == silo).ToArray();
            Publish(position, token, moved);
            left.ExceptWith(moved);
            return left.Count == 0;
        });
    }

    private async Task<string> ReadAsync(int silo, SequenceId id)
    {
        List<int> ids = [];
        await foreach (var range in _cluster[silo].Generator.ReadAsync(id, 3, Cancellation))
        {
            ids.AddRange(range.Ids.ToArray());
        }

        return string.Join(' ', ids);
    }

    private async Task AllHaveTwoCopiesAsync(int silo)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        patience.CancelAfter(TimeSpan.FromSeconds(30));
        while (await _cluster[silo].Fleet.DescribeAsync(patience.Token) is not { Sequences: Requests, Copied: Requests })
        {
            await Task.Delay(TimeSpan.FromMilliseconds(5), patience.Token);
        }
    }

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
