using System.Diagnostics;

namespace OrleansLLM.Cli.Bench;

/// <summary>Gives a workload to a generator in this process, all at once: what <c>bench throughput</c> measures.</summary>
internal sealed class EngineDriver(IGenerator generator, string model, int vocabularySize)
{
    /// <summary>Seconds from the first submission to the last token, and the tokens that were computed.</summary>
    public async Task<ThroughputReport> RunAsync(IReadOnlyList<WorkItem> items, int seed, Action onEnd, CancellationToken cancellation)
    {
        var random = new Random(seed);
        var requests = items.Select(item => Request(item, random)).ToArray();
        var started = Stopwatch.GetTimestamp();
        var counts = await Task.WhenAll(requests.Select(async request =>
        {
            var count = await AnswerAsync(request, cancellation).ConfigureAwait(false);
            onEnd();
            return count;
        })).ConfigureAwait(false);
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        return new ThroughputReport(seconds, items.Count, items.Sum(item => (long)item.InputTokens), counts.Sum(count => (long)count));
    }

    private GenerationRequest Request(WorkItem item, Random random) => new()
    {
        Id = RequestId.Create(),
        Model = model,
        PromptIds = Enumerable.Range(0, item.InputTokens).Select(_ => random.Next(vocabularySize)).ToArray(),
        MaxTokens = item.OutputTokens,
        Sampling = new SamplingParameters { Temperature = 0 },
    };

    private async Task<int> AnswerAsync(GenerationRequest request, CancellationToken cancellation)
    {
        if (await generator.SubmitAsync(request, cancellation).ConfigureAwait(false) is not SubmitResult.Accepted { Sequences: [var sequence] })
        {
            throw new InvalidOperationException("The engine refused a request of the benchmark: lower its lengths, or raise --max-waiting-requests.");
        }

        var count = 0;
        await foreach (var range in generator.ReadAsync(sequence, request.PromptIds.Length, cancellation).ConfigureAwait(false))
        {
            count += range.Ids.Length;
        }

        return count;
    }
}

/// <summary>What a throughput run gave.</summary>
internal sealed record ThroughputReport(double Seconds, int Requests, long PromptTokens, long OutputTokens)
{
    public double OutputTokensPerSecond => OutputTokens / Seconds;

    /// <summary>The line of <c>vllm bench throughput</c>.</summary>
    public override string ToString() => FormattableString.Invariant(
        $"Throughput: {Requests / Seconds:F2} requests/s, {(PromptTokens + OutputTokens) / Seconds:F2} total tokens/s, {OutputTokensPerSecond:F2} output tokens/s");
}
