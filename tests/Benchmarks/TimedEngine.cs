using System.Collections.Concurrent;
using System.Diagnostics;
using OrleansLLM.Sequences;

namespace OrleansLLM.Benchmarks;

/// <summary>An engine that notes when a request arrives and when its first token leaves: what is outside of that is the road's.</summary>
internal sealed class TimedEngine(IEngine engine) : IEngine
{
    private readonly ConcurrentDictionary<RequestId, long> _arrived = new();
    private readonly ConcurrentDictionary<SequenceId, long> _published = new();
    private readonly ConcurrentDictionary<IStepSink, IStepSink> _sinks = new();

    public EngineFacts Facts => engine.Facts;

    public EngineLoad Load => engine.Load;

    public long Progress => engine.Progress;

    public string? Failure => engine.Failure;

    /// <summary>Timestamp of <see cref="Stopwatch"/>.</summary>
    public long ArrivedAt(RequestId request) => _arrived[request];

    /// <summary>Timestamp of <see cref="Stopwatch"/>.</summary>
    public long FirstTokenAt(SequenceId sequence) => _published[sequence];

    public ValueTask<SubmitResult> SubmitAsync(Attempt attempt, IStepSink sink, CancellationToken cancellation)
    {
        _arrived[attempt.Request.Id] = Stopwatch.GetTimestamp();
        return engine.SubmitAsync(attempt, _sinks.GetOrAdd(sink, inner => new TimedSink(inner, _published)), cancellation);
    }

    public ValueTask<SubmitResult> ForkAsync(AttemptId parent, int at, IReadOnlyList<SequenceId> children, CancellationToken cancellation) =>
        engine.ForkAsync(parent, at, children, cancellation);

    public ValueTask<int?> ChangeAsync(AttemptId attempt, SequenceChange change, CancellationToken cancellation) =>
        engine.ChangeAsync(attempt, change, cancellation);

    public ValueTask AbortAsync(AttemptId attempt, CancellationToken cancellation) => engine.AbortAsync(attempt, cancellation);

    public IReadOnlyList<HeldAttempt> ListAttempts(IStepSink sink) => engine.ListAttempts(sink);

    public ValueTask<SequenceDescription?> DescribeAsync(AttemptId attempt, CancellationToken cancellation) =>
        engine.DescribeAsync(attempt, cancellation);

    public ValueTask<int> MatchPrefixAsync(ReadOnlyMemory<int> promptIds, string prefixOwner, CancellationToken cancellation) =>
        engine.MatchPrefixAsync(promptIds, prefixOwner, cancellation);

    public Task DrainAsync(CancellationToken cancellation) => engine.DrainAsync(cancellation);

    private sealed class TimedSink(IStepSink inner, ConcurrentDictionary<SequenceId, long> published) : IStepSink
    {
        public void OnStep(StepBatch batch)
        {
            var now = Stopwatch.GetTimestamp();
            foreach (var entry in batch.Entries)
            {
                if (entry.Token is not null)
                {
                    published.TryAdd(entry.Sequence, now);
                }
            }

            inner.OnStep(batch);
        }
    }
}
