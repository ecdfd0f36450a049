using Microsoft.Extensions.Time.Testing;
using OrleansLLM.Engine;
using Xunit;

namespace OrleansLLM.Testing;

/// <summary>
/// What every <see cref="IGenerator"/> does, whatever stands behind it: the engine, a cluster of one and a cluster of many run it.
/// A subclass starts its generator over <see cref="CreateModel"/> on a <see cref="FakeModelDevice"/>, with <see cref="Time"/> as the only clock of
/// time limits and logs.
/// </summary>
public abstract partial class GeneratorBehaviour : IAsyncDisposable
{
    /// <summary>More than any test waits for: such a sequence runs until somebody ends it.</summary>
    private const int Endless = 400_000;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    protected FakeTimeProvider Time { get; } = new();

    protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>Each engine of the generator gets a model of its own; all are equal.</summary>
    protected static FakeModel CreateModel() => new(blockSize: 4, windows: [8], maxLength: 1 << 19, maxRows: 64);

    protected static EngineOptions DefaultOptions { get; } = new()
    {
        Model = "fake",
        BlockSize = 4,
        KvCacheBytes = 256 * 4 * 8,
        MaxBatchedTokens = 64,
        MaxSequences = 8,
    };

    /// <summary>Starts the generator under test; called once a test. Its engine has these options; the subclass disposes it.</summary>
    protected abstract ValueTask<IGenerator> StartAsync(EngineOptions options);

    public abstract ValueTask DisposeAsync();

    protected static GenerationRequest CreateRequest(int maxTokens = 12, params int[] prompt) => new()
    {
        Id = RequestId.Create(),
        Model = "fake",
        PromptIds = prompt.Length == 0 ? [3, 1, 4, 1, 5, 9, 2, 6, 5] : prompt,
        MaxTokens = maxTokens,
        Sampling = new SamplingParameters { Temperature = 0 },
    };

    protected static int[] Expected(GenerationRequest request) => CreateModel().Continue(request.PromptIds.Span, request.MaxTokens);

    protected static async Task<IReadOnlyList<SequenceId>> SubmitAsync(IGenerator generator, GenerationRequest request) =>
        Accepted(await generator.SubmitAsync(request, Cancellation));

    protected static IReadOnlyList<SequenceId> Accepted(SubmitResult result)
    {
        Assert.False(result is SubmitResult.Refused, $"{result}");
        return ((SubmitResult.Accepted)result).Sequences;
    }

    /// <summary>Reads to the end: every token from that position on, checked to come in order.</summary>
    protected static async Task<Answer> ReadAsync(IGenerator generator, SequenceId sequence, int from)
    {
        var answer = new Answer();
        var next = from;
        await foreach (var range in generator.ReadAsync(sequence, from, Cancellation).WithCancellation(Cancellation))
        {
            Assert.Null(answer.End);
            if (range.Ids.Length > 0)
            {
                Assert.Equal(next, range.Start);
            }

            next += range.Ids.Length;
            answer.Tokens.AddRange(range.Ids.ToArray());
            answer.Logprobs.AddRange(range.Logprobs.ToArray());
            answer.End = range.End;
        }

        Assert.NotNull(answer.End);
        return answer;
    }

    /// <summary>A reader that has got its first range and holds its place.</summary>
    protected static async Task<IAsyncEnumerator<TokenRange>> EnterAsync(IGenerator generator, SequenceId sequence, int from)
    {
        var reader = generator.ReadAsync(sequence, from, Cancellation).GetAsyncEnumerator(Cancellation);
        Assert.True(await reader.MoveNextAsync());
        return reader;
    }

    protected static async Task<SequenceDescription> EndOfAsync(IGenerator generator, SequenceId sequence)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        patience.CancelAfter(Patience);
        while (true)
        {
            var description = await generator.DescribeAsync(sequence, patience.Token);
            Assert.NotNull(description);
            if (description.Phase == SequencePhase.Ended)
            {
                return description;
            }

            await Task.Yield();
        }
    }

    protected static async Task WaitForAsync(IGenerator generator, SequenceId sequence, Predicate<SequenceDescription> state)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        patience.CancelAfter(Patience);
        while (!state((await generator.DescribeAsync(sequence, patience.Token))!))
        {
            patience.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    protected sealed class Answer
    {
        public List<int> Tokens { get; } = [];

        public List<TokenLogprobs?> Logprobs { get; } = [];

        public SequenceEnd? End { get; set; }
    }
}
