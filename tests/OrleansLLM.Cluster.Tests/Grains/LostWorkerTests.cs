namespace OrleansLLM.Cluster.Tests;

/// <summary>What runs on a worker that dies ends with a message, and the model is unavailable, not unknown.</summary>
public sealed class LostWorkerTests
{
    [Fact]
    public async Task Sequences_of_a_dead_worker_fail_with_its_name_instead_of_hanging()
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var cluster = new SplitCluster();
        await cluster.InitializeAsync();
        var engine = new ManualEngine("model");
        var worker = await cluster.Workers.AttachAsync(0, engine, cancellation);
        var request = new GenerationRequest { Id = RequestId.Create(), Model = "model", PromptIds = new[] { 1, 2, 3 }, MaxTokens = 10, Samples = 2 };
        var ids = Assert.IsType<SubmitResult.Accepted>(await cluster.Generator.SubmitAsync(request, cancellation)).Sequences;

        await cluster.KillWorkerAsync();
        Assert.Null(await cluster.Generator.ChangeAsync(ids[0], new SequenceChange(MaxTokens: 5), cancellation));

        await foreach (var range in cluster.Generator.ReadAsync(ids[1], 3, cancellation))
        {
            Assert.Equal(FinishReason.Failed, range.End?.Reason);
            Assert.Contains(worker.ToString(), range.End?.Message, StringComparison.Ordinal);
        }

        Assert.Equal(
            RefusalReason.Unavailable,
            Assert.IsType<SubmitResult.Refused>(await cluster.Generator.SubmitAsync(request with { Id = RequestId.Create() }, cancellation)).Reason);
    }
}
