using OrleansLLM.Engine;
using OrleansLLM.Hosting;

namespace OrleansLLM.Benchmarks;

/// <summary>A loaded model and ways to run requests on it.</summary>
internal static class Load
{
    public static Task<LoadedModel> OpenAsync(string path, PrefixCaching caching = PrefixCaching.On, TimeSpan? maxStepTime = null) => ModelLoader.LoadAsync(
        new ModelOptions { Path = path, PrefixCaching = caching, Threads = 2, KvCacheBytes = 1L << 30, MaxWaitingRequests = 4096, MaxStepTime = maxStepTime }, null, CancellationToken.None);

    public static GenerationRequest Request(string model, ReadOnlyMemory<int> prompt, int maxTokens, int samples = 1) => new()
    {
        Id = RequestId.Create(),
        Model = model,
        PromptIds = prompt,
        MaxTokens = maxTokens,
        Samples = samples,
        Sampling = new SamplingParameters { Temperature = samples == 1 ? 0 : 1, Seed = 1 },
    };

    public static int[] Prompt(int tokens, int vocabulary, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, tokens).Select(_ => random.Next(vocabulary / 8, vocabulary))];
    }

    public static async Task<IReadOnlyList<SequenceId>> SubmitAsync(IGenerator generator, GenerationRequest request) =>
        await generator.SubmitAsync(request, CancellationToken.None) switch
        {
            SubmitResult.Accepted accepted => accepted.Sequences,
            SubmitResult.Refused refused => throw new InvalidOperationException(refused.Message),
            _ => throw new InvalidOperationException("no answer"),
        };

    /// <summary>Reads to the end; calls back with the number of new tokens as they come.</summary>
    public static async Task ReadAsync(IGenerator generator, SequenceId sequence, int from, Action<int> onTokens)
    {
        await foreach (var range in generator.ReadAsync(sequence, from, CancellationToken.None))
        {
            onTokens(range.Ids.Length);
        }
    }

    public static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
