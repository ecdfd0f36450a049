using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using OrleansLLM.Sequences;

namespace OrleansLLM.Cluster.Tests;

public sealed class ClusterOfOneTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Two_servers_on_one_machine_do_not_meet()
    {
        using var first = await StartAsync();
        using var second = await StartAsync();
        var engine = new ManualEngine("model");
        await first.Services.GetRequiredService<LocalWorkers>().AttachAsync(0, engine, Cancellation);

        Assert.IsType<SubmitResult.Accepted>(await SubmitAsync(first));
        Assert.Empty(await second.Services.GetRequiredService<IFleet>().GetWorkersAsync(Cancellation));
        await first.StopAsync(Cancellation);
        await second.StopAsync(Cancellation);
    }

    [Fact]
    public async Task A_request_before_the_engine_is_unavailable_and_one_after_it_is_answered()
    {
        using var host = await StartAsync();
        var early = Assert.IsType<SubmitResult.Refused>(await SubmitAsync(host));
        Assert.Equal(RefusalReason.Unavailable, early.Reason);

        var engine = new ManualEngine("model");
        await host.Services.GetRequiredService<LocalWorkers>().AttachAsync(0, engine, Cancellation);
        var ids = Assert.IsType<SubmitResult.Accepted>(await SubmitAsync(host)).Sequences;
        engine.Publish(ids, id => new StepEntry(id, engine.EpochOf(id), 3, 7, null, null, 0, new SequenceEnd(FinishReason.Length)));

        await foreach (var range in host.Services.GetRequiredService<IGenerator>().ReadAsync(ids[0], 3, Cancellation))
        {
            Assert.Equal([7], range.Ids.ToArray());
            Assert.Equal(FinishReason.Length, range.End?.Reason);
        }

        await host.StopAsync(Cancellation);
    }

    [Fact]
    public async Task Inside_one_process_a_submission_is_written_once_and_read_once()
    {
        using var host = await StartAsync();
        var engine = new ManualEngine("model");
        await host.Services.GetRequiredService<LocalWorkers>().AttachAsync(0, engine, Cancellation);
        int[] prompt = [1, 2, 3];
        var request = new GenerationRequest { Id = RequestId.Create(), Model = "model", PromptIds = prompt, MaxTokens = 3 };
        await host.Services.GetRequiredService<IGenerator>().SubmitAsync(request, Cancellation);
        prompt[0] = 9;

        var logged = host.Services.GetRequiredService<SequenceLogs>().RequestOf(new SequenceId(request.Id, 0))!;
        Assert.Same(logged, Assert.Single(engine.Attempts).Request);
        Assert.Equal([1, 2, 3], logged.PromptIds.ToArray());
        await host.StopAsync(Cancellation);
    }

    [Fact]
    public async Task A_draining_worker_takes_no_requests()
    {
        using var host = await StartAsync();
        var workers = host.Services.GetRequiredService<LocalWorkers>();
        await workers.AttachAsync(0, new ManualEngine("model"), Cancellation);
        await workers.DrainAsync(Cancellation);

        Assert.Equal(RefusalReason.Unavailable, Assert.IsType<SubmitResult.Refused>(await SubmitAsync(host)).Reason);
        Assert.Equal(WorkerPhase.Draining, Assert.Single(await host.Services.GetRequiredService<IFleet>().GetWorkersAsync(Cancellation)).Phase);
        await host.StopAsync(Cancellation);
    }

    private static async Task<IHost> StartAsync()
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.AddClusterOfOne();
        var host = builder.Build();
        await host.StartAsync(Cancellation);
        return host;
    }

    private static ValueTask<SubmitResult> SubmitAsync(IHost host) => host.Services.GetRequiredService<IGenerator>().SubmitAsync(
        new GenerationRequest { Id = RequestId.Create(), Model = "model", PromptIds = new[] { 1, 2, 3 }, MaxTokens = 3 }, Cancellation);
}
